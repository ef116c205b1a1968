"""Packed studies, and those that ship."""

import numpy as np
import pandas as pd
import pytest
import torch

import tla
from tla.cli import main
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
    with pytest.raises(ValueError, match="holds something other than a packed study"):
        pack(Store(SHIPPED), tmp_path)
    first = pack(Store(SHIPPED), tmp_path / "one")
    again = pack(Store(SHIPPED), tmp_path / "one")
    assert first == again
    pd.testing.assert_frame_equal(again.table("map"), Store(SHIPPED).table("map"))
    assert again.arrays("embeddings/at-seed0")["test"].dtype == np.float16


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
