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


def turned(rng):
    """A JPEG that says that it is turned."""
    from PIL import Image

    image = Image.fromarray(rng.integers(0, 256, (24, 40, 3), np.uint8))
    image.getexif()[0x0112] = 6
    return image, {"format": "JPEG", "exif": image.getexif()}


def transparent(rng):
    from PIL import Image

    return Image.fromarray(rng.integers(0, 256, (24, 40, 4), np.uint8)), {"format": "PNG"}


def deep(rng):
    """12 bits in a PNG of 16."""
    from PIL import Image

    return Image.fromarray(rng.integers(0, 4096, (24, 40), np.uint16)), {"format": "PNG"}


def palette(rng):
    image, _ = transparent(rng)
    return image.convert("RGB").convert("P"), {"format": "PNG"}


@pytest.mark.parametrize("make", [turned, transparent, deep, palette])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_upload_has_the_pixels_that_a_data_set_reads(tmp_path, make, channels):
    from board.film import fit_image

    from tla.data.loading.decode import read_pictures
    from tla.data.loading.picture import PictureFormat

    image, options = make(np.random.default_rng(0))
    file = tmp_path / "picture"
    image.save(file, **options)
    read = read_pictures([str(file)], tmp_path, PictureFormat(resize=8, channels=channels)).pixels[0]
    np.testing.assert_array_equal(fit_image(file.read_bytes(), (channels, 8, 8)), read.numpy().astype(np.float32) / 255)


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


@pytest.fixture
def upload(monkeypatch):
    """Puts a picture into the page's uploader: `upload(pixels)`, bytes of shape (h, w)."""

    def put(pixels):
        import io

        import streamlit as st
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        monkeypatch.setattr(st, "file_uploader", lambda *_, **__: file)

    return put


def test_the_class_of_an_upload_is_guessed_anew_by_a_network_that_is_shown(studies, open_page, upload, monkeypatch):
    from board import live

    asked = []

    def guess(_view, method, _seed, image):
        asked.append(method)
        return np.eye(10)[3 if image.mean() > 0.3 else 8]

    monkeypatch.setattr(live, "probabilities", guess)
    for grey, expected in ((120, 3), (40, 8)):
        upload(np.full((8, 8), grey, np.uint8))
        if grey == 120:
            app = open_page("attack", **{"from": "upload"}, models=["at"], attack_steps="2")
        app.run()
        assert not app.exception
        (shows,) = (box for box in app.selectbox if box.label == "It shows")
        assert shows.value == expected
    assert set(asked) == {"at"}


def test_dark_ink_on_white_becomes_light_on_dark(view, open_page, upload):
    digit = view.arrays("images")["test"][0][0]
    upload(digit)
    assert not [toggle for toggle in open_page("attack", **{"from": "upload"}).toggle if toggle.key == "inverted"]
    upload(255 - digit)
    app = open_page("attack", **{"from": "upload"}, attack_steps="2")
    (toggle,) = (toggle for toggle in app.toggle if toggle.key == "inverted")
    assert toggle.value


def test_the_goal_is_not_the_images_own_class(view, studies, open_page):
    own = view.classes[view.true_class(5)]
    app = open_page("attack", focus="5", target=own)
    assert any(f"the image's own class, {own}" in text.value for text in app.info)
    assert not any("fooled" in text.value for text in app.markdown)


def test_eps_can_be_typed_and_a_radius_that_is_none_is_named(studies, open_page):
    app = open_page("attack", focus="5", attack_steps="2")
    (typed,) = (field for field in app.text_input if field.key == "eps_typed")
    typed.set_value("8/255").run()
    assert app.slider(key="eps").value == pytest.approx(8 / 255)
    assert any("of 8/255 allowed" in caption.value for caption in app.caption)
    typed.set_value("7").run()
    assert any("eps is a number from 0 to" in error.value and "'7'" in error.value for error in app.error)
    assert app.slider(key="eps").value == pytest.approx(8 / 255)


def test_a_time_from_the_cache_is_called_so(studies, open_page):
    address = {"focus": "7", "models": ["at"], "attack_steps": "3", "attack_seed": "77"}
    assert not any("when it was first asked for" in caption.value for caption in open_page("attack", **address).caption)
    assert any("when it was first asked for" in caption.value for caption in open_page("attack", **address).caption)


def test_a_small_network_is_attacked_with_one_thread(view, monkeypatch):
    from board import lab_models, live

    lab = lab_models.lab_model(view, "at", 0)
    assert lab_models.threads_for(lab) == 1
    used, before = [], torch.get_num_threads()
    film = live.film_attack
    monkeypatch.setattr(live, "film_attack", lambda *a, **k: used.append(torch.get_num_threads()) or film(*a, **k))
    live.run_attack(view, "at", 0, picture(view, 3), view.true_class(3), settings(seed=91))
    assert used == [1]
    assert torch.get_num_threads() == before
    monkeypatch.setattr(lab_models, "SMALL", 0.0)
    lab_models.threads_for.clear()
    assert lab_models.threads_for(lab) is None
    lab_models.threads_for.clear()
