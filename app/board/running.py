"""Studies that the dashboard has started: it owns their processes and ends them when it ends."""

import atexit
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

import streamlit as st


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
    output: dict[Path, IO[bytes]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def start(self, recipe: str, folder: Path) -> None:
        """Start or resume a study, unless this dashboard is already running it."""
        with self.lock:
            if self.running(folder):
                return
            self.stop(folder)
            (folder / "progress.json").unlink(missing_ok=True)
            self.output[folder] = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
            self.processes[folder] = subprocess.Popen(
                command(recipe, folder),
                stdout=self.output[folder],
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def running(self, folder: Path) -> bool:
        """True while a study that was started here is running."""
        process = self.processes.get(folder)
        return process is not None and process.poll() is None

    def stop(self, folder: Path) -> None:
        """Stop a study; its finished steps stay, and the next start resumes from them."""
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
            self.stop(folder)

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


def command(recipe: str, folder: Path) -> list[str]:
    """The command line that runs a study."""
    return [sys.executable, "-m", "tla.cli", "study", recipe, "--out", str(folder)]


def read_progress(folder: Path) -> RunProgress | None:
    """What a running study last wrote to its progress file; None if that cannot be read."""
    try:
        report = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        step, message = str(report["step"]), str(report.get("message") or "")
        return RunProgress(str(report["state"]), float(report["done"]), f"{step}: {message}" if message else step)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@st.cache_resource(show_spinner=False)
def runs() -> Runs:
    """The one `Runs` of this dashboard."""
    started = Runs()
    atexit.register(started.stop_all)
    return started
