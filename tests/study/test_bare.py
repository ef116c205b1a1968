"""Studies packed without images, and their images filled in again."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import tla
from tla.cli import main
from tla.data import load_source
from tla.store import Store
from tla.study.bare import bare, fill, filled
from tla.study.locate import shipped_studies
from tla.study.pack import pack

SHIPPED = Store(shipped_studies() / "digits")


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The digits study without its images."""
    return pack(SHIPPED, tmp_path_factory.mktemp("bare") / "digits", images=False)


@pytest.fixture(scope="module")
def again(packed, tmp_path_factory):
    """The same with its images filled in."""
    return fill(packed, tmp_path_factory.mktemp("filled") / "digits")


def array_names(store):
    folder = store.path / "arrays"
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.safetensors"))


def test_no_picture_is_in_the_pack(packed):
    assert packed.manifest()["packed"] == "without images"
    assert set(packed.arrays("images")) == {"test_id", "test_y", "gallery_id", "gallery_y"}
    names = array_names(packed)
    assert not [name for name in names if name.split("/")[0] in ("adversarial", "film", "radii")]
    pictures = SHIPPED.arrays("images")["test"]
    for name in names:
        for key, array in packed.arrays(name).items():
            assert array.shape[-3:] != pictures.shape[-3:] or name.startswith("changed-"), (name, key)
    assert not (packed.path / "CREDIT.txt").exists()


def test_filled_in_it_is_what_was_packed(again):
    assert again.manifest()["packed"] == "whole"
    assert "pixels" not in again.manifest()
    assert (again.path / "CREDIT.txt").read_bytes() == (SHIPPED.path / "CREDIT.txt").read_bytes()
    assert "CREDIT.txt" in again.manifest()["steps"]["packed"]["files"]
    assert array_names(again) == array_names(SHIPPED)
    assert again.tables() == SHIPPED.tables()
    pd.testing.assert_frame_equal(again.table("neighbours"), SHIPPED.table("neighbours"))
    for name in array_names(SHIPPED):
        one, other = SHIPPED.arrays(name), again.arrays(name)
        assert set(one) == set(other)
        for key, array in one.items():
            assert array.dtype == other[key].dtype
            if name.startswith("adversarial/"):
                np.testing.assert_allclose(other[key], array, atol=1e-3 * SHIPPED.manifest()["study"]["attack"]["eps"])
            elif name.startswith("embeddings/") and key == "gallery":
                np.testing.assert_allclose(other[key], array, atol=2e-3 * np.abs(array).max())
            else:
                np.testing.assert_array_equal(other[key], array, err_msg=f"{name} {key}")


def test_attacked_images_stay_in_the_ball_and_in_their_class(again):
    study, clean = again.manifest()["study"]["attack"], again.arrays("images")["test"].astype(np.float32) / 255
    rows = again.table("attacks")
    rows = rows[(rows.attack == study["main"]) & np.isclose(rows.eps, study["eps"])]
    for method in ("natural", "at", "tla"):
        attacked = next(iter(again.arrays(f"adversarial/{method}-seed0").values()))
        assert np.abs(attacked - clean).max() <= study["eps"] + 1e-6
        model = tla.load_model(again.path / "models" / f"{method}-seed0" / "model.safetensors").model
        with torch.no_grad():
            found = model(torch.from_numpy(attacked)).logits.argmax(1).numpy()
        said = rows[rows.method == method].set_index("id").prediction.loc[again.arrays("images")["test_id"]]
        assert np.mean(found == said.to_numpy()) > 0.99


def test_the_gallery_is_embedded_again_with_the_packed_weights(packed, tmp_path):
    assert set(packed.arrays("embeddings/at-seed0")) == {"test", "adversarial"}
    stages = []
    again = fill(packed, tmp_path / "filled", progress=stages.append)
    keys = sorted(file.stem for file in SHIPPED.path.glob("arrays/embeddings/*"))
    assert [stage.text for stage in stages[1:-1]] == [f"embedding the gallery with {key}" for key in keys]
    assert {stage.total for stage in stages} == {len(stages)}
    for key in keys:
        found, before = (store.arrays(f"embeddings/{key}")["gallery"].astype(float) for store in (again, SHIPPED))
        nearest = [((before[:100, None] - rows[None]) ** 2).sum(2).argsort(1)[:, 1] for rows in (before, found)]
        assert np.mean(nearest[0] == nearest[1]) >= 0.98, key


def test_a_gallery_that_needs_somebodys_code_stays_in_the_pack(tmp_path, monkeypatch):
    monkeypatch.setattr("tla.training.checkpoint.is_started", lambda path: path.parent.name == "at-seed0")
    kept = pack(SHIPPED, tmp_path / "pack", images=False)
    assert set(kept.arrays("embeddings/at-seed0")) == {"gallery", "test", "adversarial"}
    assert "gallery" not in kept.arrays("embeddings/tla-seed0")
    stages = []
    again = fill(kept, tmp_path / "filled", progress=stages.append)
    assert not [stage for stage in stages if "at-seed0" in stage.text.split()]
    found, before = (store.arrays("embeddings/at-seed0")["gallery"] for store in (again, SHIPPED))
    np.testing.assert_array_equal(found, before)


@pytest.mark.parametrize("reach", [100, 255])
def test_changes_of_a_series_are_exact_however_large(reach):
    rng = np.random.default_rng(0)
    images = {"test": rng.integers(0, 256, (4, 1, 3, 3), dtype=np.uint8), "test_id": np.array([3, 5, 8, 9])}
    images["test"][0, 0, 0, 0] = 0
    pixels = np.clip(images["test"][[2, 0]][:, None] + rng.integers(-reach, reach + 1, (2, 5, 1, 3, 3)), 0, 255)
    pixels[1, 0, 0, 0, 0] = reach
    series = {"id": np.array([8, 3]), "step": np.arange(5), "pixels": pixels.astype(np.uint8)}
    name, kept = bare("film/at-seed0", series, images)
    assert kept["change"].dtype == (np.int8 if reach == 100 else np.int16)
    assert "pixels" not in kept
    back, found = filled(name, kept, images)
    assert back == "film/at-seed0"
    assert found["pixels"].dtype == np.uint8
    np.testing.assert_array_equal(found["pixels"], series["pixels"])


def test_a_bare_study_of_ones_own_is_filled_in_place(packed, tmp_path):
    shutil.copytree(packed.path, tmp_path / "mine")
    assert fill(Store(tmp_path / "mine"), tmp_path / "mine").manifest()["packed"] == "whole"
    assert "test" in Store(tmp_path / "mine").arrays("images")
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_a_bare_study_is_packed_again(packed, tmp_path):
    again = pack(packed, tmp_path / "again")
    assert again.manifest()["packed"] == "without images"
    assert again.manifest()["pixels"] == packed.manifest()["pixels"]
    assert array_names(again) == array_names(packed)
    assert "test" in fill(again, tmp_path / "filled").arrays("images")


def test_other_images_are_refused(packed, tmp_path):
    images = SHIPPED.arrays("images")
    other = images["test"].copy()
    other[0, 0, 0, 0] ^= 1
    gallery = images["gallery"]
    ids = {name: images[f"{name}_id"] for name in ("test", "gallery")}
    whole = {name: np.zeros((int(ids[name].max()) + 1, *other.shape[1:]), np.uint8) for name in ids}
    whole["test"][ids["test"]], whole["gallery"][ids["gallery"]] = other, gallery
    labels = {name: np.arange(len(pixels)) % 10 for name, pixels in whole.items()}
    file = tmp_path / "other.npz"
    np.savez(file, x_train=whole["gallery"], y_train=labels["gallery"], x_test=whole["test"], y_test=labels["test"])
    with pytest.raises(ValueError, match="the test images of other are not those that the study digits was made of"):
        fill(packed, tmp_path / "out", data=f"npz:{file}")
    few = np.arange(20) % 10
    np.savez(file, x_train=gallery[:20], y_train=few, x_test=other[:20], y_test=few)
    with pytest.raises(ValueError, match=r"other has no test image \d+, \d+, \d+ and others"):
        fill(packed, tmp_path / "out", data=f"npz:{file}")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_filled_or_packed_says_why(packed, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "theirs.txt").write_text("")
    with pytest.raises(ValueError, match=r"taken is there already; choose another folder: tla fill digits FOLDER"):
        fill(packed, tmp_path / "taken")
    with pytest.raises(ValueError, match="the study has its images; only one packed with --no-images can be filled"):
        fill(SHIPPED, tmp_path / "out")
    with pytest.raises(ValueError, match="came with tables alone"):
        fill(Store(shipped_studies() / "cifar10-small"), tmp_path / "out")
    with pytest.raises(ValueError, match="it came without images already"):
        pack(packed, tmp_path / "out", images=False)
    with pytest.raises(ValueError, match="give --tables or --no-images"):
        pack(SHIPPED, tmp_path / "out", images=False, tables_only=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["taken"]


def test_who_needs_images_is_told_how_to_get_them(packed):
    with pytest.raises(ValueError, match=f"came without images; fill them in: tla fill {packed.path}"):
        tla.lab(f"{packed.path}:at")
    with pytest.raises(ValueError, match=f"came without images; fill them in: tla fill {packed.path}"):
        load_source(f"study:{packed.path}").load()


def test_maps_and_figures_do_without(packed, tmp_path):
    assert len(tla.explore(str(packed.path), methods=["at"]).scene.ids) == 500
    for verb in ("explore", "report"):
        copy = shutil.copytree(packed.path, tmp_path / verb)
        assert main([verb, str(copy)] + (["--out", str(tmp_path / "explorer.html")] if verb == "explore" else [])) == 0
    assert main(["figure", "neighbour_rows", str(packed.path), "--out", str(tmp_path / "rows.json")]) == 0


def test_data_may_name_a_folder_of_data_sets(packed, tmp_path, monkeypatch):
    source, roots = type(load_source("digits")), []
    load = source.load
    monkeypatch.setattr(source, "load", lambda self, root=None: roots.append(root) or load(self, root))
    fill(packed, tmp_path / "out", data=str(tmp_path))
    assert roots == [tmp_path]


def test_a_place_that_cannot_be_written_to_is_named_before_anything_is_embedded(packed, tmp_path):
    (tmp_path / "file").write_text("")
    stages = []
    with pytest.raises(OSError, match="file"):
        fill(packed, tmp_path / "file" / "out", progress=stages.append)
    assert [stage.text for stage in stages] == ["reading the data set"]


def test_an_interrupted_fill_leaves_nothing(packed, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tla.study.bare.filled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill(packed, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_verbs(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["pack", "digits", "shared", "--no-images"]) == 0
    assert main(["fill", "shared"]) == 0
    said = capsys.readouterr().out
    assert f"Filled: {tmp_path / 'studies' / 'shared'}" in said
    assert main(["fill", "shared", "studies/shared"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["fill"]) == 2
    assert main(["fill", "--help"]) == 0
