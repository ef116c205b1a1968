"""Packed studies, and those that ship."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import tla
from tla.cli import main
from tla.files import swapped_in
from tla.store import Store
from tla.study.locate import available, open_study, shipped_studies
from tla.study.pack import pack
from tla.weights import shipped_weights

SHIPPED = shipped_studies() / "digits"


def test_the_digits_study_ships():
    store = Store(SHIPPED)
    assert {"attacks", "shift", "map", "detection", "neighbours", "retrieval", "trajectory", "audit"} <= set(
        store.tables()
    )
    assert store.manifest()["data"]["name"] == "digits"
    size = sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file())
    assert size < 8e6


def test_shipped_models_have_the_accuracy_of_their_tables():
    store = Store(SHIPPED)
    images = store.arrays("images")
    x, y = torch.from_numpy(images["test"]).float() / 255, torch.from_numpy(images["test_y"]).long()
    frame = store.table("attacks")
    for method in ("natural", "at", "tla"):
        model = tla.load_model(SHIPPED / "models" / f"{method}-seed0" / "model.safetensors").model
        with torch.no_grad():
            right = (model(x).logits.argmax(1) == y).float().mean()
        clean = 1 - frame[(frame.method == method) & (frame.attack == "clean")].success.mean()
        assert float(right) == pytest.approx(clean, abs=0.004)


@pytest.mark.parametrize("name", sorted(shipped_weights()))
def test_shipped_weights_load(name):
    assert tla.load(name).classes == 10


def test_packing_twice_and_over_something_else(tmp_path):
    (tmp_path / "theirs.txt").write_text("")
    with pytest.raises(ValueError, match=r"holds something other than a packed study \(it has theirs.txt\)"):
        pack(Store(SHIPPED), tmp_path)
    first = pack(Store(SHIPPED), tmp_path / "one")
    again = pack(Store(SHIPPED), tmp_path / "one")
    assert first == again
    pd.testing.assert_frame_equal(again.table("map"), Store(SHIPPED).table("map"))
    assert again.arrays("embeddings/at-seed0")["test"].dtype == np.float16


def content(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("where", ["study", "study/inside", ".", "../root"])
def test_a_destination_that_overlaps_with_the_study_is_refused(tmp_path, where):
    """`tla pack a a` once left nothing of the study."""
    root = tmp_path / "root"
    shutil.copytree(SHIPPED, root / "study")
    before = content(root)
    with pytest.raises(ValueError, match=r"overlaps with the study .* choose a folder outside of it"):
        pack(Store(root / "study"), root / where)
    assert content(root) == before


def test_only_an_earlier_pack_of_the_same_study_is_replaced(tmp_path):
    packed = pack(Store(SHIPPED), tmp_path / "one")
    (packed.path / "notes.txt").write_text("mine")
    before = content(packed.path)
    with pytest.raises(ValueError, match=r"holds something other than a packed study \(it has notes\.txt\)"):
        pack(Store(SHIPPED), packed.path)
    assert content(packed.path) == before
    (packed.path / "notes.txt").unlink()
    packed.note(study=packed.manifest()["study"] | {"name": "theirs"})
    with pytest.raises(ValueError, match="holds a pack of the study 'theirs', not of 'digits'"):
        pack(Store(SHIPPED), packed.path)
    whole = tmp_path / "whole"
    shutil.copytree(SHIPPED, whole)
    Store(whole).note(packed=None)
    with pytest.raises(ValueError, match="something other than a packed study"):
        pack(Store(SHIPPED), whole)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        pack(Store(SHIPPED), tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert pack(Store(SHIPPED), tmp_path / "empty").tables() == Store(SHIPPED).tables()


def test_an_interrupted_pack_leaves_the_earlier_one(tmp_path, monkeypatch):
    packed = pack(Store(SHIPPED), tmp_path / "one")
    before = content(packed.path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tla.study.pack._models", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack(Store(SHIPPED), tmp_path / "one")
    assert content(packed.path) == before
    assert [file.name for file in tmp_path.iterdir()] == ["one"]


def test_a_kill_in_the_moment_of_the_swap_loses_nothing(tmp_path):
    folder = tmp_path / "one"
    pack(Store(SHIPPED), folder)
    before = content(folder)
    folder.rename(tmp_path / ".one.replaced")  # what a kill between the two renames leaves
    with pytest.raises(RuntimeError, match="stop"), swapped_in(folder):
        raise RuntimeError("stop")
    assert content(folder) == before


@pytest.mark.parametrize("options", [{}, {"images": False}, {"tables_only": True}])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_packed_study_is_not_run_again(tmp_path, capsys, monkeypatch, options, force):
    """What it lacks counted as removed, and its tables were deleted."""
    monkeypatch.setattr("tla.study.data.check", lambda workspace: pytest.fail("the data were read first"))
    packed = pack(Store(SHIPPED), tmp_path / "one", **options)
    before = content(packed.path)
    words = ["study", str(packed.path / "study.toml"), "--out", str(packed.path), *force]
    assert main(words) == 1
    assert "holds a packed study" in capsys.readouterr().err
    assert content(packed.path) == before
    with pytest.raises(ValueError, match="holds a packed study"):
        tla.examine_embeddings({"test": np.eye(30), "blur": np.eye(30)}, folder=packed.path)
    assert content(packed.path) == before


def test_tables_only(tmp_path, capsys):
    assert main(["pack", "digits", str(tmp_path / "t"), "--tables"]) == 0
    assert "Packed: " in capsys.readouterr().out
    packed = Store(tmp_path / "t")
    assert packed.tables() == Store(SHIPPED).tables()
    assert not (packed.path / "arrays").exists()
    assert not (packed.path / "models").exists()
    assert main(["figure", "roc", str(packed.path), "--out", str(tmp_path / "roc.json")]) == 0


def test_an_unfinished_study_is_not_packed(tmp_path):
    Store(tmp_path / "half").note(study={})
    with pytest.raises(ValueError, match="the study is not finished"):
        pack(Store(tmp_path / "half"), tmp_path / "out")


def test_your_own_study_hides_a_shipped_one(tmp_path):
    pack(Store(SHIPPED), tmp_path / "digits")
    assert available(tmp_path)["digits"] == tmp_path / "digits"
    assert open_study("digits", tmp_path).path == tmp_path / "digits"
    assert open_study("digits", tmp_path / "nothing").path == SHIPPED
    with pytest.raises(FileNotFoundError, match=r"no study 'digts'; did you mean 'digits'\?"):
        open_study("digts", tmp_path)


def test_the_verb(tmp_path, capsys):
    assert main(["pack", str(SHIPPED), str(tmp_path / "out")]) == 0
    assert "Packed:" in capsys.readouterr().out
    assert main(["pack"]) == 2


def test_a_pack_says_whose_the_images_are(tmp_path):
    packed = pack(Store(SHIPPED), tmp_path / "one")
    words = (packed.path / "CREDIT.txt").read_text(encoding="utf-8")
    assert "Alpaydin" in words
    assert "CC BY 4.0" in words
    assert "CREDIT.txt" in packed.manifest()["steps"]["packed"]["files"]
    assert not (pack(Store(SHIPPED), tmp_path / "two", tables_only=True).path / "CREDIT.txt").exists()


@pytest.mark.parametrize("folder", sorted(shipped_studies().glob("*/arrays/images.safetensors")), ids=str)
def test_images_that_ship_are_credited(folder):
    """Those of CIFAR-10 have no licence to ship by, and do not."""
    store = Store(folder.parents[1])
    if store.manifest()["packed"] == "without images":
        assert not {"test", "gallery"} & set(store.arrays("images"))
        assert not [name for name in ("adversarial", "film", "radii") if (folder.parent / name).exists()]
        return
    assert "licensed under CC BY" in (folder.parents[1] / "CREDIT.txt").read_text(encoding="utf-8")
