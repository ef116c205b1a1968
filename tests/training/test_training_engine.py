"""Engines: Fabric and plain train alike; two processes reproduce the curve of one with the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from two_processes import go

from tla.models.small_cnn import SmallCNN
from tla.precision import fast_bf16
from tla.training import METHODS, load_model, open_engine, train
from tla.training.engine import FabricEngine, PlainEngine

SCRIPT = Path(__file__).parents[1] / "helpers" / "two_processes.py"


def test_fabric_and_plain_train_alike(few, quick, tmp_path):
    pytest.importorskip("lightning_fabric")
    weights = []
    for bf16 in (False, True):
        for kind in (PlainEngine, FabricEngine):
            engine = kind(torch.device("cpu"), bf16)
            folder = tmp_path / f"{kind.__name__}{bf16}"
            method = METHODS.build("tla")
            result = train(SmallCNN(width=8), few, method, quick(), seed=0, folder=folder, engine=engine)
            assert result.facts["precision"] == ("bf16" if bf16 else "fp32")
            weights.append(result.model.head.weight)
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[2], weights[3])
    assert not torch.equal(weights[0], weights[2])


def test_engines_name_what_is_missing(monkeypatch):
    assert open_engine("cpu", "fp32").bf16 is False
    assert open_engine("cpu", "bf16").bf16 is True
    assert open_engine("cpu").bf16 is fast_bf16(torch.device("cpu"))
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="device cuda is not there; this machine has cpu"):
            open_engine("cuda")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ModuleNotFoundError, match="training on several devices needs the package 'lightning_fabric'"):
        open_engine("cpu")


@pytest.mark.slow
@pytest.mark.more
def test_two_processes_have_the_curve_of_one(tmp_path):
    """gloo, half the batch each: the loss of every epoch agrees within rounding; one process writes."""
    pytest.importorskip("lightning_fabric")
    alone = go(tmp_path / "one", "at")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    line = [*launch, str(SCRIPT), str(tmp_path / "two"), "at"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(text) for text in (tmp_path / "two" / "log.jsonl").read_text().splitlines()]
    for row, expected in zip(rows, alone.history.to_dict("records"), strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], abs=1e-5)
        assert row["clean_accuracy"] == pytest.approx(expected["clean_accuracy"], abs=1 / 60 + 1e-9)
        assert row["robust_accuracy"] == pytest.approx(expected["robust_accuracy"], abs=1 / 60 + 1e-9)
    two = load_model(tmp_path / "two" / "model.safetensors").model
    assert torch.allclose(two.head.weight, alone.model.head.weight, atol=1e-4)


@pytest.mark.gpu
def test_gpu_trains_compiled_and_resumes(few, quick, tmp_path):
    for name in ("at", "tla"):
        config = quick(precision="auto", ema=0.9, compile=True, optimizer="sgd", learning_rate=0.05)
        result = train(SmallCNN(), few, METHODS.build(name), config, seed=0, folder=tmp_path / name)
        assert result.facts["precision"] == "bf16"
        again = train(SmallCNN(), few, METHODS.build(name), config, seed=0, folder=tmp_path / name)
        assert torch.equal(result.model.head.weight, again.model.head.weight)
