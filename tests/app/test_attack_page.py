"""The attack page attacks for real: what it shows is what the library computes."""

import numpy as np
import pytest
import torch

from tla.attacks import PGD, Untargeted
from tla.seeding import generator
from tla.threat import Threat
from tla.training import load_model


@pytest.fixture
def view(studies):
    from board.studies import open_study

    return open_study("made", studies / "made")


def ordered(**settings):
    from board.live import Order

    defaults = {"attack": "pgd", "parameters": (("steps", 5), ("pursuit", "all_steps")), "norm": "linf", "eps": 0.1}
    return Order(**({"seed": 3, "target": None} | defaults | settings))


def picture(view, sample=0):
    return view.arrays("images")["test"][view.positions[sample]].astype(np.float32) / 255


def test_the_live_attack_is_the_librarys(view):
    from board import live

    clean, y = picture(view), view.truth(0)
    walked = live.walk(view, "at", 0, clean, y, ordered())
    model = load_model(view.path / "models/at-seed0/model.safetensors").model
    x = torch.from_numpy(clean)[None]
    attack = PGD(steps=5, pursuit="all_steps")
    result = attack(model, x, Untargeted(torch.tensor([y])), Threat("linf", 0.1), generator=generator(3, "dashboard"))
    np.testing.assert_array_equal(walked.adversarial, result.adversarial[0].numpy())
    assert walked.success == bool(result.success[0])
    assert np.abs(walked.adversarial - clean).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(walked.after.sum(), 1, rtol=1e-5)


def test_the_film_has_every_step_and_ends_with_the_result(view):
    from board import live

    walked = live.walk(view, "at", 0, picture(view), view.truth(0), ordered())
    assert walked.labels[:6] == [f"step {step}" for step in range(6)]
    np.testing.assert_array_equal(walked.images[-1], walked.adversarial)
    assert len(walked.images) == len(walked.probabilities) == len(walked.labels)


def test_eps_zero_changes_nothing(view):
    from board import live

    clean = picture(view)
    walked = live.walk(view, "tla", 0, clean, view.truth(0), ordered(eps=0.0))
    np.testing.assert_array_equal(walked.adversarial, clean)


def test_the_smallest_eps_flips_and_a_little_less_does_not(view):
    from board import live

    right = [i for i in view.ids if live.probabilities(view, "at", 0, picture(view, i)).argmax() == view.truth(i)]
    clean, y, order = picture(view, right[0]), view.truth(right[0]), ordered(eps=1.0)
    found = live.smallest_eps(view, "at", 0, clean, y, order)
    assert live.walk(view, "at", 0, clean, y, order._replace(eps=found)).success
    assert not live.walk(view, "at", 0, clean, y, order._replace(eps=found - 2e-3)).success
    assert live.smallest_eps(view, "at", 0, clean, y, order._replace(eps=found / 2)) is None


def test_neighbours_are_the_gallerys_nearest(view):
    from board import live

    rows, distances = live.nearest(view, "tla", 0, picture(view), 4)
    gallery = view.arrays("embeddings/tla-seed0")["gallery"]
    model = load_model(view.path / "models/tla-seed0/model.safetensors").model
    with torch.no_grad():
        query = model(torch.from_numpy(picture(view))[None]).embedding[0].numpy()
    cosine = gallery @ query / (np.linalg.norm(gallery, axis=1) * np.linalg.norm(query) + 1e-12)
    expected = 1 - np.abs(cosine)
    np.testing.assert_allclose(distances, np.sort(expected)[:4], atol=1e-5)
    np.testing.assert_allclose(expected[rows], distances, atol=1e-5)


def test_the_form_knows_every_attack_by_its_dataclass():
    from board import forms, live

    for name in live.attack_names():
        cls = live.attack_class(name)
        for parameter in forms.parameters(cls):
            assert parameter.help, f"{name}.{parameter.name} is not explained in the docstring"
    steps = next(p for p in forms.parameters(PGD) if p.name == "steps")
    assert (steps.kind, steps.default, steps.optional) == (int, PGD().steps, False)
    loss = next(p for p in forms.parameters(PGD) if p.name == "loss")
    assert loss.optional
    assert "margin" in loss.choices


def test_a_bad_setting_is_answered_on_the_page(studies, open_page):
    app = open_page("attack", attack_steps="0")
    assert not app.exception
    assert any("steps must be >= 1" in error.value for error in app.error)


def test_an_upload_is_brought_to_size(view):
    import io

    from board.film import fitted
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 255, np.uint8)).save(file, "PNG")
    small = fitted(file.getvalue(), (1, 8, 8))
    assert small.shape == (1, 8, 8)
    assert small.dtype == np.float32
    np.testing.assert_array_equal(small, 1)
    with pytest.raises(ValueError, match="not an image that can be read"):
        fitted(b"no picture", (1, 8, 8))
