"""A whole study over two processes: they train together, the first one does the rest."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from tla.store import Store

WORDS = [
    "study", "digits", "--methods", "at", "--train.epochs", "6", "--train.holdout", "100", "--train.batch", "64",
    "--attack.examples", "60", "--attack.batch", "60", "--analysis.map-points", "20", "--analysis.gallery", "200",
    "--analysis.trajectories", "0", "--analysis.projection", "pca", "--analysis.no-audit", "--analysis.no-layers",
    "--train.precision", "fp32",
]  # fmt: skip
LAUNCH = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29531", "-m", "tla"]


def launched(arguments: list[str], folder: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *arguments, *WORDS, "--out", folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.more
def test_two_processes_make_the_same_study_as_one(tmp_path):
    launched(["-m", "tla"], str(tmp_path / "one"))
    output = launched(LAUNCH, str(tmp_path / "two"))
    assert output.count("Report:") == 1, "one process prints"
    one, two = (Store(tmp_path / name) for name in ("one", "two"))
    assert two.manifest()["complete"]
    assert list(two.manifest()["steps"]) == list(one.manifest()["steps"])
    assert two.manifest()["steps"]["train/at-seed0"]["facts"]["processes"] == 2
    curves = [[json.loads(line)["loss"] for line in _log(store)] for store in (one, two)]
    assert curves[1][0] == pytest.approx(curves[0][0], rel=0.1), "the same batches; each process draws its own noise"
    accuracy = [
        1 - pd.DataFrame(store.table("attacks")).query("attack == 'clean'").success.mean() for store in (one, two)
    ]
    assert min(accuracy) > 0.8
    assert launched(["-m", "tla"], str(tmp_path / "two")).startswith("Nothing to do"), "one process finds it finished"


def _log(store: Store) -> list[str]:
    return (store.path / "models" / "at-seed0" / "log.jsonl").read_text().splitlines()
