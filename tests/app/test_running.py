"""Studies started by the dashboard: followed, stopped with it, and their last output shown."""

import json
import os
import sys
import time

import pytest
from board import running
from board.running import RunProgress, Runs, read_progress

SCRIPT = """
import json, pathlib, sys, time
folder = pathlib.Path(sys.argv[1]); folder.mkdir(parents=True, exist_ok=True)
report = {"step": "train/at-seed0", "state": "running", "done": 0.25, "message": "epoch 3/12"}
(folder / "progress.json").write_text(json.dumps(report))
time.sleep(60)
"""


@pytest.fixture
def runs():
    runs = Runs()
    yield runs
    runs.stop_all()


def wait_until(check, seconds=10):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("left", "before", "words"),
    [
        (None, 0, "25%"), (240.0, 0, "25%, 4 min left"), (90.0, 60, "25%, 30 s left"),
        (5.0, 60, "25%"),  # longer than was thought: nothing is known
    ],
)  # fmt: skip
def test_the_time_left_counts_down_from_the_last_report(tmp_path, left, before, words):
    report = {
        "step": "data",
        "state": "running",
        "done": 0.25,
        "message": "",
        "left": left,
        "time": time.time() - before,
    }
    (tmp_path / "progress.json").write_text(json.dumps(report))
    assert running.read_progress(tmp_path).reached == words


def test_a_run_is_followed_and_stopped(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(
        running, "command", lambda recipe, folder, words=(): [sys.executable, "-c", SCRIPT, str(folder)]
    )
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "progress.json").write_text('{"step": "report", "state": "done", "done": 1.0, "message": "old"}')
    runs.start("digits", folder)
    wait_until(lambda: runs.progress(folder).state == "running")
    assert runs.progress(folder) == RunProgress("running", 0.25, "train/at-seed0: epoch 3/12")
    process = runs.processes[folder]
    runs.start("digits", folder)
    assert runs.processes[folder] is process, "the same study was started twice"
    runs.stop(folder)
    assert process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert runs.progress(folder) is None


def test_last_lines_of_a_failure_are_shown(runs, tmp_path, monkeypatch):
    script = "print('lines before'); raise SystemExit('unknown recipe: did you mean digits?')"
    monkeypatch.setattr(running, "command", lambda recipe, folder, words=(): [sys.executable, "-c", script])
    runs.start("digit", tmp_path)
    wait_until(lambda: not runs.running(tmp_path))
    progress = runs.progress(tmp_path)
    assert progress.state == "failed"
    assert "did you mean digits?" in progress.message


def test_a_run_is_started_by_the_command_line(tmp_path):
    assert running.command("digits", tmp_path)[1:] == ["-m", "tla.cli", "study", "digits", "--out", str(tmp_path)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": "a"}'])
def test_unreadable_progress_is_no_progress(tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    assert read_progress(tmp_path) is None


def test_no_progress_where_nothing_runs(runs, tmp_path):
    assert read_progress(tmp_path) is None
    assert runs.progress(tmp_path) is None
    assert not runs.running(tmp_path)
