# The dashboard, and the command line, for anybody: also for a user of the host without a name or a home in the image.
#   docker build -t tla .
#   docker run --rm -p 127.0.0.1:8501:8501 tla
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" tla tla study digits
FROM python:3.11-slim

# numba, matplotlib, Streamlit and torch each keep something in a home; /work is for studies and may be anybody's.
ENV HOME=/tmp/home \
    NUMBA_CACHE_DIR=/tmp/home/numba \
    MPLCONFIGDIR=/tmp/home/matplotlib \
    XDG_CACHE_HOME=/tmp/home/cache \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

COPY . /source
RUN pip install --constraint /source/constraints.txt "/source[app]" \
 && rm -rf /source \
 && mkdir -p /work /tmp/home \
 && chmod 1777 /work /tmp/home

WORKDIR /work
USER 1000:1000
EXPOSE 8501
CMD ["tla", "app", "--server.address", "0.0.0.0", "--server.headless", "true"]
