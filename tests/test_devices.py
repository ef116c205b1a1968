"""The one place that decides the device, with devices that are not there."""

import os
from pathlib import Path

import pytest
import torch

from tla.cli import main
from tla.cli.words import with_device
from tla.devices import available, choose_device


@pytest.fixture
def machine(monkeypatch):
    """Makes up a machine: how many GPUs, and whether Apple's."""

    def make(gpus=0, apple=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: apple)

    monkeypatch.delenv("TLA_DEVICE", raising=False)
    return make


@pytest.mark.parametrize(
    ("gpus", "apple", "asked", "expected"),
    [
        (0, False, None, "cpu"), (2, False, None, "cuda"), (2, False, "auto", "cuda"), (2, False, "cuda:1", "cuda:1"),
        (2, False, "CPU", "cpu"), (0, True, None, "cpu"), (0, True, "mps", "mps"),
    ],
)  # fmt: skip
def test_what_is_asked_for_or_there(machine, gpus, apple, asked, expected):
    machine(gpus, apple)
    assert choose_device(asked) == torch.device(expected)


@pytest.mark.parametrize(
    ("gpus", "asked", "message"),
    [
        (0, "cuda", "device cuda is not there; this machine has cpu"),
        (2, "cuda:2", "device cuda:2 is not there; this machine has cpu, cuda, cuda:0, cuda:1"),
        (0, "mps", "device mps is not there; this machine has cpu"),
        (1, "gpu", "device must be auto, cpu, cuda, cuda:NUMBER or mps, got 'gpu'"),
        (1, "cuda:one", "device must be auto"),
        (0, "cpu:0", "device must be auto"),
    ],
)
def test_what_is_not_there_is_named(machine, gpus, asked, message):
    machine(gpus)
    with pytest.raises(ValueError, match=message):
        choose_device(asked)


def test_the_variable_decides_unless_a_name_is_given(machine, monkeypatch):
    machine(2)
    monkeypatch.setenv("TLA_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    assert choose_device("cuda:0") == torch.device("cuda:0")
    assert available() == ["cpu", "cuda", "cuda:0", "cuda:1"]


@pytest.mark.parametrize("words", [["digits", "--device", "cpu", "--force"], ["digits", "--device=cpu", "--force"]])
def test_the_option_is_taken_out_and_kept_for_processes_that_are_started(machine, monkeypatch, words):
    monkeypatch.setenv("TLA_DEVICE", "auto")
    assert with_device("study", words) == ["digits", "--force"]
    assert os.environ["TLA_DEVICE"] == "cpu"
    assert with_device("figure", words) == words


@pytest.mark.parametrize(
    "verb", ["study digits", "attack digits/at", "audit digits/at --eps 0.1", "sweep digits train.epochs 1 2"]
)
def test_every_verb_that_computes_refuses_a_device_that_is_not_there(machine, monkeypatch, tmp_path, capsys, verb):
    machine(0)
    monkeypatch.setenv("TLA_DEVICE", "auto")
    monkeypatch.chdir(tmp_path)
    assert main([*verb.split(), "--device", "cuda:7"]) == 1
    assert "device cuda:7 is not there; this machine has cpu" in capsys.readouterr().err
    assert main([*verb.split(), "--device"]) == 1
    assert "--device takes a name" in capsys.readouterr().err


def test_study_training_attack_and_audit_ask_the_same_place(machine, monkeypatch):
    from tla.store import Store
    from tla.study import recipes, study_from
    from tla.study.workspace import Workspace
    from tla.training import open_engine

    machine(0, apple=True)
    monkeypatch.setenv("TLA_DEVICE", "mps")
    assert Workspace(study_from(recipes.read("digits")), Store(Path("nowhere"))).device == torch.device("mps")
    assert open_engine().device == torch.device("mps")
