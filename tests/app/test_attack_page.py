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


def settings(**changes):
    from board.live import AttackSettings

    defaults = {"attack": "pgd", "parameters": (("steps", 5), ("pursuit", "all_steps")), "norm": "linf", "eps": 0.1}
    return AttackSettings(**({"seed": 3, "target": None} | defaults | changes))


def picture(view, sample=0):
    return view.arrays("images")["test"][view.positions[sample]].astype(np.float32) / 255


def test_the_live_attack_is_the_one_of_the_library(view):
    from board import live

    clean, y = picture(view), view.true_class(0)
    attack = live.run_attack(view, "at", 0, clean, y, settings())
    model = load_model(view.path / "models/at-seed0/model.safetensors").model
    x = torch.from_numpy(clean)[None]
    pgd = PGD(steps=5, pursuit="all_steps")
    result = pgd(model, x, Untargeted(torch.tensor([y])), Threat("linf", 0.1), generator=generator(3, "dashboard"))
    np.testing.assert_array_equal(attack.adversarial, result.adversarial[0].numpy())
    assert attack.success == bool(result.success[0])
    assert np.abs(attack.adversarial - clean).max() <= 0.1 + 1e-6
    np.testing.assert_allclose(attack.after.sum(), 1, rtol=1e-5)


def test_the_film_has_every_step_and_ends_with_the_result(view):
    from board import live

    attack = live.run_attack(view, "at", 0, picture(view), view.true_class(0), settings())
    assert attack.labels[:6] == [f"step {step}" for step in range(6)]
    np.testing.assert_array_equal(attack.images[-1], attack.adversarial)
    assert len(attack.images) == len(attack.probabilities) == len(attack.labels)


def test_eps_zero_changes_nothing(view):
    from board import live

    clean = picture(view)
    attack = live.run_attack(view, "tla", 0, clean, view.true_class(0), settings(eps=0.0))
    np.testing.assert_array_equal(attack.adversarial, clean)


def test_the_smallest_eps_flips_and_a_little_less_does_not(view):
    from board import live

    right = [i for i in view.ids if live.probabilities(view, "at", 0, picture(view, i)).argmax() == view.true_class(i)]
    clean, y, full = picture(view, right[0]), view.true_class(right[0]), settings(eps=1.0)
    found = live.smallest_eps(view, "at", 0, clean, y, full)
    assert live.run_attack(view, "at", 0, clean, y, full._replace(eps=found)).success
    assert not live.run_attack(view, "at", 0, clean, y, full._replace(eps=found - 2e-3)).success
    assert live.smallest_eps(view, "at", 0, clean, y, full._replace(eps=found / 2)) is None


def test_neighbours_are_the_nearest_of_the_gallery(view):
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


def test_the_form_has_every_parameter_and_its_description():
    from board import forms, live

    for name in live.attack_names():
        cls = live.attack_class(name)
        for parameter in forms.parameters(cls):
            assert parameter.help, f"{name}.{parameter.name} is not described in the docstring"
    steps = next(p for p in forms.parameters(PGD) if p.name == "steps")
    assert (steps.kind, steps.default, steps.optional) == (int, PGD().steps, False)
    loss = next(p for p in forms.parameters(PGD) if p.name == "loss")
    assert loss.optional
    assert "margin" in loss.choices


def test_a_bad_setting_is_reported_on_the_page(studies, open_page):
    app = open_page("attack", attack_steps="0")
    assert not app.exception
    assert any("steps must be >= 1" in error.value for error in app.error)


def test_an_upload_is_resized(view):
    import io

    from board.film import fit_image
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 255, np.uint8)).save(file, "PNG")
    small = fit_image(file.getvalue(), (1, 8, 8))
    assert small.shape == (1, 8, 8)
    assert small.dtype == np.float32
    np.testing.assert_array_equal(small, 1)
    with pytest.raises(ValueError, match="not an image that can be read"):
        fit_image(b"no picture", (1, 8, 8))
