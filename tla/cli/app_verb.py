"""`tla app`: the dashboard."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tla.extras import require
from tla.parts import part

USAGE = """\
usage: tla app [--given NAME=MODEL ...] [STREAMLIT OPTIONS]
open the dashboard, with the studies in the folder studies (or TLA_STUDIES), else those that ship

--given N=MODEL  given models of a study that its Attack lab may run, by the names they have in the study. Loading a
                 model may execute its author's code, so the lab runs none that only a study folder names. --head,
                 --mean, --std, --channels, --resize and --weights as for tla study

It listens on this machine only. --server.address 0.0.0.0 opens it to everyone who reaches the machine.
"""


def run(words: list[str]) -> int:
    """Run `tla app`."""
    if words and words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    page = part("app") / "streamlit_app.py"
    require("streamlit", "the dashboard")
    given, rest = _given(words)
    command = [sys.executable, "-m", "streamlit", "run", str(page), *rest]
    process = subprocess.Popen(command, env=_environment(given) if given else None)
    try:
        return process.wait()
    except KeyboardInterrupt:  # Ctrl-C or SIGTERM: the dashboard ends the studies that it has started
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        raise
    finally:
        process.kill()


def _environment(given: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Tells the dashboard which models it may run; their modules are searched in the working folder, as usual."""
    found = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "TLA_GIVEN": json.dumps(given), "PYTHONPATH": found}


def _given(words: list[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The models that the lab may run, with full paths of their files, and the words for Streamlit."""
    from tla.cli.settings import with_given

    values, rest = with_given({}, words)
    given = values.get("given", {})
    for settings in given.values():
        settings["load"] = "@".join(_absolute(word) for word in str(settings["load"]).split("@"))
        if "weights" in settings:
            settings["weights"] = _absolute(str(settings["weights"]))
    return given, rest


def _absolute(name: str) -> str:
    """A file's name, or FILE:ATTRIBUTE, with its full path: a page may be opened from any folder."""
    file, colon, attribute = name.rpartition(":")
    for path, rest in ((name, ""), (file, colon + attribute)):
        if path and Path(path).expanduser().exists():
            return str(Path(path).expanduser().resolve()) + rest
    return name
