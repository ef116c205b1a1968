"""One photo under attack."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import tla
from tla.models import GivenModel


def network(classes=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes))


@pytest.fixture
def file(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "pig.jpg"
    Image.fromarray(rng.integers(0, 256, (30, 46, 3), dtype=np.uint8)).save(path, quality=95)
    return path


def test_a_photo_keeps_its_size_and_the_attack_its_radius(file):
    model = network()
    found = tla.attack_photo(model, file, threat=tla.Threat("linf", 8 / 255))
    assert found.clean.shape == (3, 30, 46)
    assert torch.equal(found.clean, torch.from_numpy(np.asarray(Image.open(file)).copy()).permute(2, 0, 1) / 255)
    assert float((found.adversarial - found.clean).abs().max()) <= 8 / 255 + 1e-6
    for image, likely in ((found.clean, found.before), (found.adversarial, found.after)):
        assert torch.allclose(model(image[None]).softmax(1)[0], likely, atol=1e-6)
    assert found.success == (int(found.after.argmax()) != int(found.before.argmax()))


def test_a_deep_photo_keeps_its_upper_bits(tmp_path):
    values = np.random.default_rng(0).integers(0, 4096, (8, 8), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    found = tla.attack_photo(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), tmp_path / "deep.png")
    assert torch.equal(found.clean[0], torch.from_numpy((values >> 4).astype(np.float32)) / 255)


def test_a_target_is_reached_by_name(file):
    names = ["pig", "airliner", "cat", "dog"]
    model = network()
    before = model(tla.attack_photo(model, file, size=24).clean[None]).argmax()
    target = next(name for name in names[1:] if names.index(name) != int(before))
    found = tla.attack_photo(model, file, size=24, target=target.upper(), classes=names, threat=tla.Threat("linf", 0.5))
    assert found.clean.shape == (3, 24, 24)
    assert found.success
    assert found.top(2)["after"][0] == target
    figure = found.figure()
    text = str(figure.to_dict() if hasattr(figure, "to_dict") else figure)
    assert target in text
    assert "noise" in text


@pytest.mark.parametrize("kind", ["picture", "bytes", "floats", "last"])
def test_pictures_and_arrays_are_photos_too(kind, file):
    picture = Image.open(file)
    pixels = np.asarray(picture)
    photo = {
        "picture": picture, "bytes": torch.from_numpy(pixels.copy()).permute(2, 0, 1),
        "floats": pixels.transpose(2, 0, 1) / 255.0, "last": pixels,
    }[kind]  # fmt: skip
    found = tla.attack_photo(network(), photo, threat=tla.Threat("linf", 0.0))
    assert torch.equal(found.adversarial, torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255)


def test_a_network_that_takes_one_size_resizes_inside(file, tmp_path, monkeypatch):
    (tmp_path / "flat.py").write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4))\n"
    )
    monkeypatch.chdir(tmp_path)
    found = tla.attack_photo(GivenModel(load="flat.py:make", resize=8), file)
    assert found.adversarial.shape == (3, 30, 46)
    with pytest.raises(ValueError, match=r"does not accept images of shape|resize"):
        tla.attack_photo("flat.py:make", file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photo": "nowhere.png"}, "photo: no file nowhere.png"),
        ({"photo": np.zeros((2, 3, 4, 5))}, r"photo: pixels must have shape \(c, h, w\) or \(h, w, c\), got"),
        ({"photo": np.zeros((3, 20, 20)), "size": 10}, "photo: size is for pictures"),
        ({"target": 4}, r"target must be in 0\.\.3, got 4"),
        ({"target": "airliner", "classes": ["pig", "airlines", "cat", "dog"]}, "no class 'airliner'.*airlines"),
        ({"classes": ["pig"]}, "classes must name the network's 4 classes, got 1"),
    ],
)
def test_what_is_no_photo_or_no_target(changes, message, file):
    settings = {"photo": file} | changes
    with pytest.raises(ValueError, match=message):
        tla.attack_photo(network(), settings.pop("photo"), **settings)


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "pig.png").write_text("oink")
    with pytest.raises(ValueError, match=r"photo: .*pig\.png cannot be read as a picture"):
        tla.attack_photo(network(), tmp_path / "pig.png")
