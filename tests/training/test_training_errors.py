"""What cannot work is refused before training starts; what breaks later is reported with its place."""

import pytest
import torch
from training_small import images_of

from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, DivergedError, train
from tla.types import Shape

NETWORK = SmallCNN(width=4, embedding=8)


@pytest.mark.parametrize(
    ("method", "settings", "config", "text"),
    [
        ("at", {}, {"batch": 161}, "batch must be at most the 160 training images, got 161"),
        ("at", {}, {"holdout": 200}, "holdout must leave images to train on, got 200 of 200 images"),
        ("tla", {"mining": "fresh", "pool": 161}, {}, "pool must be at most the 160 training images, got 161"),
        ("tla", {"keys": 51}, {}, "keys must be at most the 50 images of a batch, got 51"),
    ],
)
def test_too_little_data(method, settings, config, text, few, quick, tmp_path):
    with pytest.raises(ValueError, match=text):
        train(NETWORK, few, METHODS.build(method, **settings), quick(**config), seed=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_class_with_one_image(quick, tmp_path):
    single = images_of([0, 1] * 20 + [2])
    config = quick(batch=10, holdout=0, select=False, epochs=1)
    with pytest.raises(ValueError, match=r"tla needs two training images per class.*only one of: c"):
        train(NETWORK, single, METHODS.build("tla"), config, seed=0, folder=tmp_path)
    for name in ("at", "tla-sa"):  # these need no other image of the class
        train(NETWORK, single, METHODS.build(name), config, seed=0, folder=tmp_path / name)
    with pytest.raises(ValueError, match="tla needs images of at least two classes"):
        train(NETWORK, images_of([1] * 20), METHODS.build("tla"), config, seed=0, folder=tmp_path)


def test_a_model_for_other_images(few, quick, tmp_path):
    other = build_model(NETWORK, Shape(3, 8, 8), 10, seed=0)
    with pytest.raises(ValueError, match="the model does not accept digits images of shape 1 x 8 x 8"):
        train(other, few, METHODS.build("at"), quick(), seed=0, folder=tmp_path)
    fewer = build_model(NETWORK, Shape(1, 8, 8), 3, seed=0)
    with pytest.raises(ValueError, match="the model has 3 classes, digits has 10"):
        train(fewer, few, METHODS.build("at"), quick(), seed=0, folder=tmp_path)
    with pytest.raises(ValueError, match="small_cnn needs images of at least 4 x 4"):
        train(NETWORK, images_of([0, 1, 2] * 40, size=3), METHODS.build("at"), quick(), seed=0, folder=tmp_path)


@pytest.mark.parametrize("name", ["natural", "at"])
def test_a_diverged_loss_stops_with_its_place(name, few, quick, tmp_path):
    config = quick(optimizer="sgd", learning_rate=1e30, warmup=0.0, epochs=2)
    with pytest.raises(DivergedError, match=r"in epoch 0, step \d, batch ids \[\d+, .*there is no checkpoint yet"):
        train(NETWORK, few, METHODS.build(name), config, seed=0, folder=tmp_path)


def test_divergence_names_the_last_good_checkpoint(few, quick, tmp_path, monkeypatch):
    from tla.training import run

    monkeypatch.setattr(run, "learning_rate", lambda config, step, steps: 1e-3 if step < 4 else 1e30)
    config = quick(optimizer="sgd", epochs=3)
    with pytest.raises(DivergedError, match=r"epoch 1, step \d.*last good checkpoint is .*train\.pt \(epoch 1\)"):
        train(NETWORK, few, METHODS.build("at"), config, seed=0, folder=tmp_path)
    assert (tmp_path / "train.pt").exists()


def test_a_folder_that_cannot_be_written(few, quick, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OSError, match="cannot write"):
        train(NETWORK, few, METHODS.build("natural"), quick(epochs=1), seed=0, folder=blocked / "run")


def test_arguments_are_unchanged(few, quick, tmp_path):
    pixels, state = few.pixels.clone(), torch.get_rng_state()
    train(NETWORK, few, METHODS.build("tla"), quick(), seed=0, folder=tmp_path)
    assert torch.equal(pixels, few.pixels)
    assert torch.equal(state, torch.get_rng_state())
