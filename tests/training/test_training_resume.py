"""kill -9 at any moment, run again: the same weights, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from killed_run import go
from safetensors.torch import load_file

SCRIPT = Path(__file__).parents[1] / "helpers" / "killed_run.py"


def kill_after(epoch, delay, folder):
    """Run in another process; kill it `delay` seconds after it finishes an epoch (counted over all attempts)."""
    command, environment = [sys.executable, str(SCRIPT), str(folder)], {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if int(line) == epoch:
                break
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    return process.returncode


def to_the_end(folder):
    """Run in another process, with threads that no other test has touched; the epochs it printed, and its weights."""
    command, environment = [sys.executable, str(SCRIPT), str(folder)], {**os.environ, "OMP_NUM_THREADS": "1"}
    epochs = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout.split()
    return epochs, load_file(folder / "model.safetensors")


@pytest.mark.slow
@pytest.mark.more
def test_killed_runs_end_with_the_same_weights(tmp_path):
    """Killed as soon as an epoch is reported, and again while the next one runs or is written."""
    _, reference = to_the_end(tmp_path / "reference")
    folder = tmp_path / "killed"
    assert kill_after(2, 0.0, folder) == -signal.SIGKILL
    assert kill_after(4, 0.015, folder) == -signal.SIGKILL
    epochs, final = to_the_end(folder)
    assert epochs[0] in ("5", "6")  # it resumed, it did not start over
    assert all(torch.equal(final[key], reference[key]) for key in reference)
    assert not list(folder.glob(".*"))  # nothing half-written is left


def test_a_run_cut_inside_an_epoch_ends_with_the_same_weights(tmp_path, monkeypatch, capsys):
    """An exception in the middle of an epoch: a kill at a known step."""
    from tla.training.run import TrainingRun

    reference = go(tmp_path / "reference").model.state_dict()
    plain, steps = TrainingRun.step, []

    def failing(self, epoch, index, rows):
        steps.append(index)
        if len(steps) == 13:
            raise KeyboardInterrupt
        return plain(self, epoch, index, rows)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingRun, "step", failing)
        with pytest.raises(KeyboardInterrupt):
            go(tmp_path / "cut")
    capsys.readouterr()
    final = go(tmp_path / "cut").model.state_dict()
    assert capsys.readouterr().out.split()[0] == "3"
    assert all(torch.equal(final[key], reference[key]) for key in reference)
