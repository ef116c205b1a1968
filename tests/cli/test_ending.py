"""One top of the command line: whatever a user can cause is one sentence and an exit status."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tla.cli import main
from tla.cli.ending import ended


def raising(error):
    def run():
        raise error

    return run


class DivergedError(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("eps must be >= 0, got -1"), 1, "tla study: eps must be >= 0, got -1\n"),
        (FileNotFoundError("no such file"), 1, "tla study: no such file\n"),
        (DivergedError("the loss is nan in epoch 3"), 1, "tla study: the loss is nan in epoch 3\n"),
        (MemoryError(), 1, "tla study: out of memory; lower the batch"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), 1, "out of memory; lower the batch"),
        (RecursionError(), 1, "tla study: the input is nested too deeply\n"),
        (KeyboardInterrupt(), 130, "tla study: interrupted; finished work is kept"),
        (BrokenPipeError(), 141, ""),
        (SystemExit(2), 2, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_end_as_sentences(error, status, said, capfd, monkeypatch):
    monkeypatch.setattr("tla.cli.ending._silence", lambda: None)
    assert ended("study", raising(error)) == status
    shown = capfd.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_a_file_of_the_users_is_named(tmp_path, capsys):
    file = tmp_path / "mine.py"
    code = compile("def run():\n    return {}['weights']\n", str(file), "exec")
    space = {}
    exec(code, space)
    assert ended("attack", space["run"]) == 1
    assert f"tla attack: {file}, line 2, in run: KeyError: 'weights'" in capsys.readouterr().err


def test_a_fault_of_the_program_is_called_one(monkeypatch, capsys):
    monkeypatch.setattr("tla.cli.ending._is_installed", lambda file: True)
    assert ended("attack", raising(KeyError("y"))) == 70
    assert "tla attack: a fault in tla (KeyError: 'y', in run, test_ending.py" in capsys.readouterr().err
    monkeypatch.setenv("TLA_TRACEBACK", "1")
    assert ended("attack", raising(ValueError("no"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_sigterm_is_answered_as_ctrl_c_is(capsys):
    def run():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert ended("study", run) == 143
    assert "tla study: ended; finished work is kept" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def tla(*words, **environment):
    command = [sys.executable, "-m", "tla", *words]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environment)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_encoding_of_the_terminal_works(encoding):
    ended = tla("list", "figures", PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_closed_pipe_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.run([sys.executable, "-m", "tla", "--help"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (child.returncode, child.stderr) == (141, b"")


def test_a_missing_folder_for_temporary_files_is_named(tmp_path, monkeypatch, capsys):
    import tempfile

    monkeypatch.setattr(tempfile, "mkstemp", raising_with(FileNotFoundError(2, "No usable temporary directory found")))
    monkeypatch.chdir(tmp_path)
    assert main(["figure", "roc", "digits"]) == 1
    assert "No usable temporary directory" in capsys.readouterr().err


def raising_with(error):
    def call(*words, **more):
        raise error

    return call


def recipe(tmp_path: Path, text: str) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return str(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base = ['digits']", "base: unknown recipe ['digits']"),
        ("base = {a = 1}", "base: unknown recipe {'a': 1}"),
        ("base = 'digits'\nseeds = [1180591620717411303424]", "recipe.seeds[0]: must be a number of at most 64 bits"),
        ("base = 'digits'\ntrain.learning_rate = nan", "recipe.train.learning_rate: must be finite, got nan"),
        ("base = 'digits'\nattack = 3", "recipe.attack: must be a table of settings, got 3"),
        ("base = 'digits'\nmethod = {tla = 3}", "recipe.method.tla: must be a table, got 3"),
        ("base = 'digits'\nsource = ['digits']", "recipe.source: must be a table of settings"),
        ("x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("base = 'digits'\nattack.suite = {pgd = {name = ['pgd']}}", "must be a string, got ['pgd']"),
        ("base = 'digits'\nattack.norm = ['linf']", "recipe.attack.norm: must be one of"),
    ],
)
def test_wrong_types_in_a_recipe_are_named(text, said, tmp_path, capsys):
    assert main(["study", recipe(tmp_path, text), "--out", str(tmp_path / "out")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
