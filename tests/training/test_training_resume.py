"""kill -9 at any moment, run again: the same weights, bit by bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("killed_run.py")


def start(folder, name):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(SCRIPT), str(folder), name]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment)


def finish(folder, name):
    process = start(folder, name)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.split(), torch.load(folder / "final.pt", weights_only=True)


@pytest.mark.parametrize("name", ["at", "tla"])
def test_killed_runs_end_with_the_same_weights(name, tmp_path):
    """Killed once right after an epoch (while the next runs or the checkpoint is written), then once in between."""
    _, reference = finish(tmp_path / "calm", name)
    folder = tmp_path / "killed"
    for epoch, delay in (("2", 0.0), ("4", 0.02)):
        process = start(folder, name)
        for line in process.stdout:
            if line.strip() == epoch:
                break
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    output, final = finish(folder, name)
    assert output[1] in ("5", "6")  # went on, did not begin again
    assert all(torch.equal(final[key], reference[key]) for key in reference)
    assert not list(folder.glob(".*"))  # nothing half-written is left
