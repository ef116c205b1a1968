"""Weights that ship: packed, found by name, described by their card."""

import json
from pathlib import Path

import pytest
import torch

from tla.data import load_source
from tla.models import MODELS, build_model
from tla.store import DamagedFileError
from tla.training import load_model, save_model
from tla.training.checkpoint import describe
from tla.types import Shape
from tla.weights import CARD, FOLDER, STUDIES, annotate, card, load, pack, shipped_weights

FACTS = {"recipe": "digits", "seed": 0, "hardware": "2 cores", "accuracy": {"clean": 97.1, "pgd": 60.2}}


@pytest.fixture
def trained(tmp_path: Path):
    """A model file as training leaves it, and the model."""
    shape, backbone = Shape(1, 8, 8), MODELS.build("resnet18", width=2)
    model = build_model(backbone, shape, 10, seed=0).eval()
    path = tmp_path / "models" / "tla-seed0" / "model.safetensors"
    save_model(path, model, {**describe(backbone, shape, tuple("0123456789")), "method": "tla", "seed": 0})
    return path, model


@pytest.fixture
def folder(trained, tmp_path: Path) -> Path:
    for name in ("digits/tla", "digits/at"):
        pack(trained[0], name, FACTS, tmp_path / "weights")
    return tmp_path / "weights"


def test_packed_weights_load_within_half_precision(trained, folder):
    model = load("digits/tla", folder)
    assert not model.training
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model(x).logits, trained[1](x).logits, atol=1e-2)
    for name, value in model.state_dict().items():
        assert torch.equal(value, trained[1].state_dict()[name].half().float() if value.is_floating_point() else value)
    small, large = folder / "digits" / "tla.safetensors", trained[0]
    assert small.stat().st_size < 0.7 * large.stat().st_size


def test_the_card_joins_header_and_facts(folder):
    facts = card("digits/tla", folder)
    assert facts["accuracy"] == {"clean": 97.1, "pgd": 60.2}
    assert facts["model"]["name"] == "resnet18"
    assert facts["classes"] == list("0123456789")
    assert facts["method"] == "tla"


def test_later_measurements_join_the_card(folder):
    annotate("digits/tla", {"autoattack": {"accuracy": 55.1, "n": 100}}, folder)
    facts = card("digits/tla", folder)
    assert facts["autoattack"] == {"accuracy": 55.1, "n": 100}
    assert facts["accuracy"] == {"clean": 97.1, "pgd": 60.2}
    with pytest.raises(ValueError, match="unknown weights 'digits/tlaa'"):
        annotate("digits/tlaa", {}, folder)


def test_unknown_weights_are_answered_with_the_nearest(folder, tmp_path):
    assert list(shipped_weights(folder)) == ["digits/at", "digits/tla"]
    for ask in (load, card):
        with pytest.raises(
            ValueError, match="unknown weights 'digits/tal'; did you mean 'digits/tla'\\? Known: digits/at, digits/tla"
        ):
            ask("digits/tal", folder)
        with pytest.raises(ValueError, match="unknown weights 'mnist/tla'; none ship with this installation"):
            ask("mnist/tla", tmp_path / "empty")


def test_damaged_weights_and_cards_are_named(folder):
    file = folder / "digits" / "at.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"at\.safetensors: the weights do not match their checksum"):
        load("digits/at", folder)
    (folder / "digits" / "tla.json").write_text('{"recipe": "digits"}')
    with pytest.raises(ValueError, match=r"tla\.json: the card lacks seed, hardware, accuracy"):
        card("digits/tla", folder)
    (folder / "digits" / "tla.json").unlink()
    with pytest.raises(ValueError, match=r"tla\.json: the card cannot be read"):
        card("digits/tla", folder)


def test_packing_needs_a_name_and_a_complete_card(trained, tmp_path):
    for name in ("tla", "a/b/c", "/tla", "../tla/x", "mnist/"):
        with pytest.raises(ValueError, match=r"name must be <data set>/<method>, got "):
            pack(trained[0], name, FACTS, tmp_path)
    with pytest.raises(ValueError, match="the card of mnist/tla lacks hardware, accuracy"):
        pack(trained[0], "mnist/tla", {"recipe": "mnist", "seed": 0}, tmp_path)


@pytest.mark.parametrize("name", shipped_weights())
def test_shipped_weights_load_and_have_a_card(name):
    facts = card(name)
    model = load(name)
    assert model(torch.rand(2, *facts["shape"])).logits.shape == (2, len(facts["classes"]))
    assert set(CARD) <= set(json.loads((FOLDER / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", [name for name in shipped_weights() if name.startswith("digits/")])
def test_the_card_has_the_measured_accuracy(name):
    test = load_source("digits").load().test
    right = load(name)(test.floats()).logits.argmax(1) == test.labels
    assert 100 * right.float().mean().item() == pytest.approx(card(name)["accuracy"]["clean"], abs=0.3)


def test_weights_of_a_study_that_ships_are_there_once(tmp_path):
    linked = {name: file for name, file in shipped_weights().items() if file.is_relative_to(STUDIES)}
    assert {name.split("/")[0] for name in linked} == {"mnist", "cifar10"}
    assert not any((FOLDER / f"{name}.safetensors").exists() for name in linked)
    assert all(file.is_file() for file in linked.values())
    checkpoint = STUDIES / "digits" / "models" / "at-seed0" / "model.safetensors"
    assert pack(checkpoint, "digits/at", FACTS, tmp_path) == tmp_path / "digits" / "at.json"
    assert shipped_weights(tmp_path) == {"digits/at": checkpoint}
    first, second = load("digits/at", tmp_path), load_model(checkpoint).model
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    annotate("digits/at", {"n": 500}, tmp_path)
    facts = card("digits/at", tmp_path)
    assert (facts["n"], facts["method"], "file" in facts) == (500, {"name": "at"}, False)
    assert shipped_weights(tmp_path) == {"digits/at": checkpoint}
