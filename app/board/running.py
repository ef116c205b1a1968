"""Studies that the dashboard has started: it owns their processes and ends them when it ends."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tla.cli.ending import ENDS_WITH


class RunProgress(NamedTuple):
    """How far a study has got.

    Attributes:
        state: "starting", "running", "done" or "failed".
        done: Share that is finished, 0..1.
        message: The current step, or what went wrong.
    """

    state: str
    done: float
    message: str


@dataclass
class Runs:
    """Processes of this dashboard by study folder; shared by all users."""

    processes: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)
    owners: dict[Path, str] = field(default_factory=dict)
    output: dict[Path, IO[bytes]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def start(self, recipe: str, folder: Path, owner: str = "", words: Sequence[str] = ()) -> None:
        """Start or resume a study, unless this dashboard is already running it, or another one for this visitor.

        Args:
            recipe: The argument of `tla study`.
            folder: The study folder.
            owner: The visitor who starts it, see `visitor`.
            words: Further words of the command.
        """
        with self.lock:
            if self.running(folder) or (owner and self.of(owner) is not None):
                return
            self._end(folder)
            self.owners[folder] = owner
            (folder / "progress.json").unlink(missing_ok=True)
            self.output[folder] = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
            self.processes[folder] = subprocess.Popen(
                command(recipe, folder, words),
                stdout=self.output[folder],
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | {ENDS_WITH: str(os.getpid())},
            )

    def of(self, owner: str) -> Path | None:
        """The study that a visitor has started and that is running."""
        return next((folder for folder, who in self.owners.items() if who == owner and self.running(folder)), None)

    def may_stop(self, folder: Path, owner: str) -> bool:
        """True for the visitor who started a study, and for all once that visitor has gone."""
        started_by = self.owners.get(folder, "")
        return started_by in ("", owner) or not is_here(started_by)

    def running(self, folder: Path) -> bool:
        """True while a study that was started here is running."""
        process = self.processes.get(folder)
        return process is not None and process.poll() is None

    def stop(self, folder: Path, owner: str = "") -> None:
        """Stop a study of this visitor; its finished steps stay, and the next start resumes from them."""
        if self.may_stop(folder, owner):
            self._end(folder)

    def _end(self, folder: Path) -> None:
        process = self.processes.pop(folder, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.output.pop(folder).close()

    def stop_all(self) -> None:
        """Stop every study that was started here."""
        for folder in list(self.processes):
            self._end(folder)

    def progress(self, folder: Path) -> RunProgress | None:
        """How far a study has got; None if it was not started here."""
        process = self.processes.get(folder)
        if process is None:
            return None
        code = process.poll()
        if code:
            return RunProgress("failed", 0.0, self._last_lines(folder) or f"the study ended with code {code}")
        if code == 0:
            return RunProgress("done", 1.0, "finished")
        return read_progress(folder) or RunProgress("starting", 0.0, "starting")

    def _last_lines(self, folder: Path) -> str:
        file = self.output[folder]
        file.seek(0)
        lines = file.read().decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-6:])


def command(recipe: str, folder: Path, words: Sequence[str] = ()) -> list[str]:
    """The command line that runs a study."""
    return [sys.executable, "-m", "tla.cli", "study", recipe, *words, "--out", str(folder)]


def read_progress(folder: Path) -> RunProgress | None:
    """What a running study last wrote to its progress file; None if that cannot be read."""
    try:
        report = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        step, message = str(report["step"]), str(report.get("message") or "")
        return RunProgress(str(report["state"]), float(report["done"]), f"{step}: {message}" if message else step)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def visitor() -> str:
    """Who is looking at the page: its session; empty outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def is_here(session: str) -> bool:
    """True while a visitor's page is open; also where nobody can tell."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


@st.cache_resource(show_spinner=False)
def runs() -> Runs:
    """The one `Runs` of this dashboard."""
    started = Runs()
    atexit.register(started.stop_all)
    return started
