"""Checkpoints: written files can be read; damaged and foreign ones are refused by name; nothing good is lost."""

import dataclasses
import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from training_small import images_of

from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.store import DamagedFileError
from tla.training import METHODS, load_model, save_model, train
from tla.training.checkpoint import describe, load_state, save_state
from tla.types import Shape

NETWORK = SmallCNN(width=4, embedding=8)
HEADER = describe(NETWORK, Shape(1, 8, 8), ("a", "b"))


@pytest.fixture
def model():
    return build_model(NETWORK, Shape(1, 8, 8), 2, seed=3)


@pytest.fixture
def trained(few, quick, tmp_path):
    """Trains two epochs, with other settings if given."""

    def go(folder=tmp_path, **settings):
        method = settings.pop("method", METHODS.build("at"))
        data, seed = settings.pop("data", few), settings.pop("seed", 0)
        foreign = settings.pop("foreign", "refuse")
        return train(NETWORK, data, method, quick(**settings), seed=seed, folder=folder, foreign=foreign)

    return go


def test_a_model_survives_the_file(model, tmp_path):
    path = tmp_path / "deep" / "model.safetensors"
    save_model(path, model, {**HEADER, "note": "kept"})
    saved = load_model(path)
    assert saved.header["note"] == "kept"
    assert not saved.model.training
    for name, value in model.state_dict().items():
        assert torch.equal(saved.model.state_dict()[name], value)


def test_half_precision_halves_the_file_and_loads_as_float32(model, tmp_path):
    save_model(tmp_path / "full", model, HEADER)
    save_model(tmp_path / "half", model, HEADER, half=True)
    assert (tmp_path / "half").stat().st_size < 0.8 * (tmp_path / "full").stat().st_size
    for name, value in load_model(tmp_path / "half").model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, model.state_dict()[name].half().float())


def test_building_leaves_the_global_generator_unchanged():
    before = torch.get_rng_state()
    first, again = (build_model(NETWORK, Shape(1, 8, 8), 2, seed=3) for _ in range(2))
    assert torch.equal(first.head.weight, again.head.weight)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first.head.weight, build_model(NETWORK, Shape(1, 8, 8), 2, seed=4).head.weight)


@pytest.mark.parametrize("place", [10, -10])
def test_a_damaged_model_is_refused(place, model, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, model, HEADER)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"model\.safetensors: .*nothing was overwritten"):
        load_model(path)


def test_other_models_are_refused(model, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(model.state_dict(), path)
    with pytest.raises(DamagedFileError, match="not a model written by tla"):
        load_model(path)
    save_model(path, model, {**HEADER, "classes": ["a", "b", "c"]})
    with pytest.raises(DamagedFileError, match=r"not a model written by tla.*size mismatch"):
        load_model(path)
    save_model(path, model, {"shape": [1, 8, 8]})
    with pytest.raises(DamagedFileError, match="not a model written by tla"):
        load_model(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such model file"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["cut", "flip", "foreign", "empty"])
def test_a_damaged_checkpoint_is_refused_and_kept(damage, trained, tmp_path):
    trained()
    path = tmp_path / "train.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    bad = {"cut": bytes(content[:-7]), "flip": bytes(content), "foreign": b"PK\x03\x04" + bytes(60), "empty": b""}[
        damage
    ]
    path.write_bytes(bad)
    with pytest.raises(DamagedFileError, match=r"train\.pt: damaged, or not a checkpoint written by tla"):
        trained()
    assert path.read_bytes() == bad


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 3}, "config.epochs was 2, is 3"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"method": METHODS.build("alp")}, "method.name was at, is alp"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(settings, text, trained, tmp_path):
    trained()
    before = (tmp_path / "train.pt").read_bytes()
    with pytest.raises(ValueError, match=rf"train\.pt: belongs to another run \({text}"):
        trained(**settings)
    assert (tmp_path / "train.pt").read_bytes() == before
    replaced = trained(**settings, foreign="replace")
    fresh = trained(**settings, folder=tmp_path / "fresh")
    assert torch.equal(replaced.model.head.weight, fresh.model.head.weight)


def test_the_checkpoint_of_other_data_is_refused(trained, few):
    trained()
    other = dataclasses.replace(few, pixels=255 - few.pixels)
    with pytest.raises(ValueError, match=r"another run .data.digest was"):
        trained(data=other)


def test_a_finished_run_is_read_not_trained(trained):
    first = trained()
    again = trained()
    assert first.history.equals(again.history)
    assert torch.equal(first.model.head.weight, again.model.head.weight)


def test_a_full_disk_leaves_the_last_good_checkpoint(trained, tmp_path, monkeypatch):
    reference = trained(folder=tmp_path / "reference", epochs=3)
    real, count = Path.replace, []

    def full(self, target):
        count.append(target)
        if Path(target).name == "train.pt" and [Path(t).name for t in count].count("train.pt") == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(OSError, match=r"cannot write .*train\.pt: No space left on device; the old file is un"):
            trained(folder=tmp_path / "full", epochs=3)
    assert load_state(tmp_path / "full" / "train.pt")["epoch"] == 1
    after = trained(folder=tmp_path / "full", epochs=3)
    assert torch.equal(after.model.head.weight, reference.model.head.weight)


def test_state_is_tensors_and_plain_values_only(tmp_path):
    save_state(tmp_path / "state", {"weights": torch.ones(2), "list": [1, {"a": None}]})
    assert load_state(tmp_path / "state")["list"] == [1, {"a": None}]
    save_state(tmp_path / "state", {"path": tmp_path})
    with pytest.raises(Exception, match="Weights only load failed"):
        load_state(tmp_path / "state")


def test_noise_images_have_another_identity(trained):
    trained()
    with pytest.raises(ValueError, match="another run"):
        trained(data=images_of([0, 1] * 100, classes=2))
