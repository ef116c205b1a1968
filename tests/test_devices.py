"""The one place that decides the device, with devices that are not there."""

import os
from pathlib import Path

import pytest
import torch
from packaging.version import Version
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from training_small import images_of

from tla import devices
from tla.audit.context import overshoot, slack
from tla.cli import main
from tla.cli.words import with_device
from tla.devices import FallbackWarning, available, choose_device, exact, float64_device, returned
from tla.study.adaptive import ScoreElsewhere
from tla.threat import Threat
from tla.training import batches
from tla.training.batches import Pool
from tla.types import Outputs


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
        (2, False, "CPU", "cpu"), (0, True, None, "mps"), (0, True, "cpu", "cpu"), (1, True, None, "cuda"),
        (0, True, "mps", "mps"),
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


class NoFloat64(TorchDispatchMode):
    """Refuses float64 on CUDA, as Apple's devices do on theirs."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run an operation and look at what it made."""
        made = function(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, torch.Tensor) and value.device.type == "cuda" and value.dtype == torch.float64:
                raise TypeError(f"{function}: no float64 here")
        return made


@pytest.fixture
def without_float64(monkeypatch):
    """Makes CUDA a device that is neither there nor has float64, on which shapes, types and devices are tracked."""
    if Version(torch.__version__) < Version("2.9"):
        pytest.skip("before torch 2.9 indexing a made-up CUDA tensor asks for a driver")
    monkeypatch.setattr(devices, "WITHOUT_FLOAT64", frozenset({"cuda"}))
    with FakeTensorMode(allow_non_fake_inputs=True), NoFloat64():
        yield torch.device("cuda:0")


@pytest.mark.filterwarnings("ignore::tla.devices.FallbackWarning")
def test_distances_of_the_audit_on_a_device_without_float64(without_float64):
    x = torch.rand(4, 1, 3, 3, device=without_float64)
    with pytest.raises(TypeError, match="no float64 here"):
        x.double()
    outside = overshoot(x, x + 0.1, Threat("linf", 0.2))
    assert (outside.device, outside.dtype, outside.shape) == (without_float64, torch.float32, (4,))
    assert slack(Threat("l2", 0.2), x).device.type == "cpu"


def test_what_needs_float64_says_that_it_falls_back(without_float64):
    values = torch.rand(3, device=without_float64)
    with pytest.warns(FallbackWarning, match="^cuda has no float64: what needs it is computed on the CPU$"):
        found = exact(values)
    assert (found.device.type, found.dtype) == ("cpu", torch.float64)
    back = returned(found, without_float64)
    assert (back.device, back.dtype) == (without_float64, torch.float32)


def test_a_score_is_computed_where_its_detector_was_fitted(without_float64):
    seen = []

    def score(outputs):
        seen.extend((outputs.logits.device.type, outputs.embedding.device.type))
        return outputs.embedding.double().sum(1).float()

    x = torch.rand(4, 5, device=without_float64)
    found = ScoreElsewhere(score, torch.device("cpu"))(Outputs(x, x))
    assert (seen, found.device) == (["cpu", "cpu"], without_float64)


def test_a_score_from_elsewhere_has_its_gradient():
    x = torch.rand(4, 5, requires_grad=True)
    score = ScoreElsewhere(lambda outputs: outputs.embedding.double().square().sum(1).float(), torch.device("cpu"))
    (gradient,) = torch.autograd.grad(score(Outputs(x, x)).sum(), x)
    torch.testing.assert_close(gradient, 2 * x)


def test_float64_stays_where_it_is():
    values = torch.tensor([0.1, 1 / 3])
    assert float64_device(values.device) == values.device
    assert exact(values).equal(values.double())
    assert returned(exact(values), values.device).dtype == torch.float64


def test_partners_are_drawn_without_float64_too(monkeypatch):
    monkeypatch.setattr(batches, "WITHOUT_FLOAT64", frozenset({"cpu"}))
    pool = Pool(images_of([0, 1] * 3000 + [0, 0]), torch.device("cpu"), pad=0, flip=False, channels_last=False)
    rows = torch.arange(len(pool))
    drawn = pool.positives(rows, torch.Generator().manual_seed(0))
    assert pool.labels[drawn].equal(pool.labels)
    assert bool((drawn != rows).all())
    monkeypatch.setattr(torch, "rand", lambda count, **_: torch.full((count,), 1 - 2.0**-24))
    last = pool.positives(rows, torch.Generator())
    assert pool.labels[last].equal(pool.labels)
    assert int(last.max()) == len(pool) - 1
