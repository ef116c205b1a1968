"""Studies started by the dashboard: followed, ended with it, and their last words shown."""

import os
import sys
import time

import pytest
from board import running
from board.running import RunProgress, Runs, read_progress

TALK = """
import json, pathlib, sys, time
folder = pathlib.Path(sys.argv[1]); folder.mkdir(parents=True, exist_ok=True)
news = {"step": "train/at-seed0", "state": "running", "done": 0.25, "message": "epoch 3/12"}
(folder / "progress.json").write_text(json.dumps(news))
time.sleep(60)
"""


@pytest.fixture
def book():
    book = Runs()
    yield book
    book.stop_all()


def patient(check, seconds=10):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_a_run_is_followed_and_ended(book, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "command", lambda recipe, folder: [sys.executable, "-c", TALK, str(folder)])
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "progress.json").write_text('{"step": "report", "state": "done", "done": 1.0, "message": "old"}')
    book.start("digits", folder)
    patient(lambda: book.progress(folder).state == "running")
    assert book.progress(folder) == RunProgress("running", 0.25, "train/at-seed0: epoch 3/12")
    process = book.processes[folder]
    book.start("digits", folder)
    assert book.processes[folder] is process, "the same study was started twice"
    book.stop(folder)
    assert process.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
    assert book.progress(folder) is None


def test_last_words_of_a_failure_are_shown(book, tmp_path, monkeypatch):
    words = "print('lines before'); raise SystemExit('unknown recipe: did you mean digits?')"
    monkeypatch.setattr(running, "command", lambda recipe, folder: [sys.executable, "-c", words])
    book.start("digit", tmp_path)
    patient(lambda: not book.running(tmp_path))
    news = book.progress(tmp_path)
    assert news.state == "failed"
    assert "did you mean digits?" in news.message


def test_the_command_is_the_command_lines(tmp_path):
    assert running.command("digits", tmp_path)[1:] == ["-m", "tla.cli", "study", "digits", "--out", str(tmp_path)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"step": "a"}'])
def test_unreadable_progress_is_no_progress(tmp_path, text):
    (tmp_path / "progress.json").write_text(text)
    assert read_progress(tmp_path) is None


def test_no_progress_where_nothing_runs(book, tmp_path):
    assert read_progress(tmp_path) is None
    assert book.progress(tmp_path) is None
    assert not book.running(tmp_path)
