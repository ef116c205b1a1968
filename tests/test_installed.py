"""The wheel in a fresh environment, away from the checkout, as a new user has it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from installing import UV, needs_uv
from ports import answer, free_port

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.more, needs_uv]
SMALL = (
    "--methods natural --train.epochs 1 --attack.examples 40 --analysis.gallery 100 --analysis.map-points 20 "
    "--analysis.trajectories 2 --analysis.projection pca --analysis.no-audit"
)

NAMELESS = """
import os, pwd
def nobody(number): raise KeyError(number)
pwd.getpwuid = nobody
import numba, streamlit, tla.projection
from tla.study import recipes
print(os.path.expanduser("~"), recipes.read("digits")["name"])
"""


VERSIONS = {"pinned": ("--constraint", ROOT / "constraints.txt"), "lowest": ("--resolution", "lowest-direct")}
"""Which versions of other packages are installed: the project's own, or the lowest that pyproject.toml allows."""


@pytest.fixture(scope="module", params=VERSIONS)
def place(tmp_path_factory, request):
    """An empty folder, and beside it an environment with the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    source.mkdir()
    for part in ("tla", "app", "notebooks"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    done(UV, "build", "--wheel", "--out-dir", folder / "dist", source)
    (wheel,) = (folder / "dist").glob("*.whl")
    assert wheel.stat().st_size < 95e6
    done(UV, "venv", "--python", sys.executable, folder / "env")
    done(
        UV, "pip", "install", "--python", folder / "env/bin/python", *VERSIONS[request.param],
        f"tla-robust[app] @ {wheel.as_uri()}", "anywidget>=0.9",
    )  # fmt: skip
    (folder / "empty").mkdir()
    return folder / "empty"


def done(*words, cwd=None):
    """What a command printed; it must succeed."""
    ended = subprocess.run([*map(str, words)], cwd=cwd, env=clean(), capture_output=True, text=True, timeout=400)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout


def clean():
    """The environment without what leads to the checkout."""
    unwanted = {"PYTHONPATH", "TLA_STUDIES", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | {"OMP_NUM_THREADS": "1"}


def tla(place, *words):
    return done(place.parent / "env/bin/tla", *words, cwd=place)


def test_nothing_comes_from_the_checkout(place):
    where = done(
        place.parent / "env/bin/python", "-c", "import tla, tla.parts; print(tla.parts.part('app'))", cwd=place
    )
    assert where.strip() == str(next((place.parent / "env/lib").glob("python3*")) / "site-packages/tla/installed/app")
    assert tla(place, "--version").startswith("tla ")


def test_a_study_a_figure_and_the_explorer(place):
    tla(place, "study", "digits", "--out", "studies/small", *SMALL.split())
    assert (place / "studies/small/report.html").stat().st_size > 100_000
    tla(place, "figure", "one_class", "studies/small", "--out", "one.html")
    tla(place, "explore", "studies/small", "--out", "explorer.html")
    assert (place / "one.html").exists()
    assert (place / "explorer.html").exists()
    code = "import tla; print(type(tla.explore('studies/small')).__mro__[1].__module__)"
    done(place.parent / "env/bin/python", "-c", code, cwd=place)


def test_the_notebooks_are_copied_once(place):
    assert "00_quickstart.ipynb" in tla(place, "notebooks", "mine")
    copied = sorted(file.name for file in (place / "mine").iterdir())
    assert copied == sorted(file.name for file in (ROOT / "notebooks").glob("*.ipynb"))
    (place / "mine" / copied[0]).write_text("my own")
    (place / "mine" / copied[1]).unlink()
    assert f"left as they are: {copied[0]}" in tla(place, "notebooks", "mine")
    assert (place / "mine" / copied[0]).read_text() == "my own"
    assert (place / "mine" / copied[1]).exists()


def test_the_dashboard_answers_on_this_machine_only(place):
    port = free_port()
    command = [place.parent / "env/bin/tla", "app", "--server.port", str(port), "--server.headless", "true"]
    with (place / "app.log").open("w") as log:
        process = subprocess.Popen(command, cwd=place, env=clean(), stdout=log, stderr=log)
    try:
        assert answer(f"http://127.0.0.1:{port}/_stcore/health") == b"ok"
        listening = Path("/proc/net/tcp").read_text() if sys.platform == "linux" else ""
        assert f"00000000:{port:04X}" not in listening
        page = answer(f"http://127.0.0.1:{port}/")
        assert b"streamlit" in page.lower()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(40)


def test_the_steps_of_the_dockerfile_are_those_of_this_test_and_need_no_home(place):
    """Without Docker: the same command installs, the same one starts, and neither needs a home or a name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = [name for name, _ in steps]
    assert names == ["FROM", "ENV", "COPY", "RUN", "WORKDIR", "USER", "EXPOSE", "CMD"]
    found = dict(steps)
    assert 'pip install --constraint /source/constraints.txt "/source[app]"' in found["RUN"]
    assert found["USER"] == "1000:1000"
    command = json.loads(found["CMD"])
    assert command[:2] == ["tla", "app"]
    environment = dict(re.findall(r"(\w+)=(\S+)", found["ENV"].replace("/tmp/home", str(place / "home"))))
    (place / "home").mkdir()
    ended = subprocess.run(
        [place.parent / "env/bin/python", "-c", NAMELESS], env={"PATH": os.environ["PATH"], **environment},
        cwd=place, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.split() == [str(place / "home"), "digits"]
