"""Studies that the dashboard has started: it owns their processes and ends them when it ends."""

import atexit
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tla.cli.ending import ENDS_WITH
from tla.machine import cores
from tla.pace import in_words


class RunProgress(NamedTuple):
    """How far a study has got.

    Attributes:
        state: "starting", "running", "done" or "failed".
        done: Share that is finished, 0..1.
        message: The current step, or what went wrong.
        left: Seconds that it will still take, as it goes; None while nothing is known.
    """

    state: str
    done: float
    message: str
    left: float | None = None

    @property
    def reached(self) -> str:
        """How far, and how long it will still take: "34%, 3 min left"."""
        return f"{self.done:.0%}" + ("" if self.left is None else f", {in_words(self.left)} left")


CORES = cores()


@dataclass
class Runs:
    """Processes of this dashboard by study folder; shared by all users.

    Args:
        most: So many run at a time: by default one for each core, so that none waits for another.
    """

    most: int = CORES

    processes: dict[Path, subprocess.Popen[bytes]] = field(default_factory=dict)
    owners: dict[Path, str] = field(default_factory=dict)
    output: dict[Path, IO[bytes]] = field(default_factory=dict)
    began: dict[Path, float] = field(default_factory=dict)
    kept: dict[Path, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def start(self, recipe: str, folder: Path, owner: str = "", words: Sequence[str] = ()) -> None:
        """Start or resume a study, unless `refusal` has a reason not to.

        Args:
            recipe: The argument of `tla study`.
            folder: The study folder.
            owner: The visitor who starts it, see `visitor`.
            words: Further words of the command.
        """
        with self.lock:
            if self.refusal(folder, owner):
                return
            self._end(folder)
            self.kept.pop(folder, None)
            self.owners[folder], self.began[folder] = owner, time.time()
            (folder / "progress.json").unlink(missing_ok=True)
            self.output[folder] = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
            self.processes[folder] = subprocess.Popen(
                command(recipe, folder, words),
                stdout=self.output[folder],
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | {ENDS_WITH: str(os.getpid())},
            )

    def refusal(self, folder: Path, owner: str = "") -> str:
        """Why a visitor cannot start a study now, in a sentence; empty if it can be started."""
        if self.running(folder):
            return f"{folder.name} is running."
        own = self.of(owner) if owner else None
        if own is not None:
            return f"You have {own.name} running; a visitor runs one study at a time."
        active = [folder.name for folder in self.active()]
        if len(active) >= self.most:
            cores = "1 core" if self.most == 1 else f"{self.most} cores"
            at_most = "1 study runs" if self.most == 1 else f"{self.most} studies run"
            return (
                f"{at_most} at a time, one for each of this machine's {cores}, and now: {', '.join(active)}. "
                "Start yours when one has ended."
            )
        return ""

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

    def active(self) -> list[Path]:
        """Folders of the studies that are running."""
        return [folder for folder in list(self.processes) if self.running(folder)]

    def stop(self, folder: Path, owner: str = "") -> None:
        """Stop a study of this visitor; `kept` then says what the next start goes on from."""
        if self.may_stop(folder, owner) and self.running(folder):
            last = read_progress(folder)  # the end is written over it
            self._end(folder)
            self.kept[folder] = what_is_kept(folder, last, self.began.get(folder, 0.0))

    def would_keep(self, folder: Path) -> str:
        """What a stop now leaves for the next start."""
        return what_is_kept(folder, read_progress(folder), self.began.get(folder, 0.0))

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
        left = report.get("left")
        if left is not None:
            left = float(left) - (time.time() - float(report["time"]))
        return RunProgress(
            str(report["state"]), float(report["done"]), f"{step}: {message}" if message else step,
            left if left is None or left >= 0 else None,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return None


def what_is_kept(folder: Path, last: RunProgress | None, began: float) -> str:
    """What a stop leaves for the next start: "epoch 7 of 30 of TLA and everything before it".

    Args:
        folder: The study folder.
        last: How far the run had got.
        began: When it started, seconds since 1970.
    """
    if last is None:
        return "every finished step"
    step, _, message = last.message.partition(": ")
    found = re.match(r"epoch (\d+)/(\d+)", message)
    name = readable_step(step)
    if not found or not step.startswith("train/"):
        return f"every step before {name}"
    log = folder / "models" / step.removeprefix("train/") / "log.jsonl"
    rows = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0
    fresh = log.exists() and log.stat().st_mtime >= began
    epochs = rows if fresh else min(rows, int(found[1]) - 1)
    return f"epoch {epochs} of {found[2]} of {name} and everything before it" if epochs else f"every step before {name}"


def readable_step(step: str) -> str:
    """A step in words: "TLA" for train/tla-seed0, "TLA, seed 1" for another seed, "the attack on TLA"."""
    from board.words import label

    kind, _, key = step.partition("/")
    method, _, seed = key.rpartition("-seed")
    if not method:
        return f"{step!r}"
    name = label(method) + (f", seed {seed}" if seed != "0" else "")
    said = {"train": name, "attack": f"the attack on {name}", "analyse": f"the analysis of {name}"}
    return said.get(kind, f"{kind} of {name}")


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
