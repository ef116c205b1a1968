# make study · make app · make test · make test-more · make lint · make notebooks · make bench · make docs · make wheel
# `make study` on a fresh machine: makes .venv, installs, runs the main job, says where the report lies.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SHARED := ../shared/data
DATA   := $(or $(TLA_DATA),$(wildcard $(VENV)/data))
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where this is set, every process (each notebook, each test of a kill) compiles torch's Python anew: 2 s and more.
export PYTHONDONTWRITEBYTECODE =

.PHONY: study app test test-more lint notebooks gallery bench docs wheel clean install

study: $(READY)
	$(BIN)/tla study digits --workers auto

app: $(READY)
	$(BIN)/streamlit run app/streamlit_app.py

install: $(READY)

# uv downloads once and links; what pip would do in minutes takes seconds the second time.
# adv-lib comes without its dependencies: it wants visdom, which no longer builds, and never uses it here.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt -e ".[all]"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps adv-lib==0.2.8
	touch $(READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/hadolint Dockerfile

test: lint
	@if [ -z "$(TLA_DATA)" ] && [ -f $(SHARED)/unpack.py ]; then $(BIN)/python $(SHARED)/unpack.py $(VENV)/data; fi
	TLA_DATA="$(or $(TLA_DATA),$(if $(wildcard $(SHARED)/unpack.py),$(abspath $(VENV)/data)))" $(BIN)/pytest -n 2
	$(MAKE) notebooks

# What takes minutes or starts servers: journeys in dashboard and JupyterLab, two processes, kills, AutoAttack, and short
# campaigns with fixed seeds (damage, command lines, arguments, uploads). The long form of one of them:
# python tests/campaign/damage.py --tries 1000
test-more: $(READY)
	TLA_DATA="$(or $(TLA_DATA),$(if $(wildcard $(SHARED)/unpack.py),$(abspath $(VENV)/data)))" $(BIN)/pytest -n 2 -m more

# Every notebook's figures, numbers and pictures are compared with what is stored, two notebooks at a time.
notebooks: $(READY)
	$(BIN)/pytest -n 2 --dist loadscope --nbval --nbval-current-env --nbval-sanitize-with notebooks/sanitize.cfg \
	  $(sort $(wildcard notebooks/[0-9]*.ipynb))

gallery: $(READY)
	$(BIN)/python docs/make_gallery.py

bench: $(READY)
	$(BIN)/python benchmarks/attacks.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/retrieval.py
	$(BIN)/python benchmarks/figures.py
	$(BIN)/python benchmarks/startup.py

# The documentation site, in site/: opens from disk. Warnings are errors.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "now: site/index.html"

wheel: $(READY)
	$(BIN)/uv build --out-dir dist

clean:
	rm -rf $(VENV) build dist site .cache *.egg-info
