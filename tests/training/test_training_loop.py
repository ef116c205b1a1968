"""Training as a whole: every method learns, twice the same, and says what it did."""

import json

import pytest
import torch

from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, load_model, train


def weights_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_learns_and_repeats(name, few, quick, tmp_path):
    config = quick(epochs=3, learning_rate=3e-3)
    first = train(SmallCNN(width=8, embedding=32), few, METHODS.build(name), config, seed=1, folder=tmp_path / "a")
    again = train(SmallCNN(width=8, embedding=32), few, METHODS.build(name), config, seed=1, folder=tmp_path / "b")
    assert same(weights_of(first.model), weights_of(again.model))
    history = first.history
    assert history["cross_entropy"].iloc[-1] < history["cross_entropy"].iloc[0]
    assert history["triplet"].notna().all() == name.startswith("tla")
    assert set(history["method"]) == {name}
    columns = "method seed epoch loss cross_entropy triplet active clean_accuracy robust_accuracy learning_rate seconds"
    assert set(columns.split()) <= set(history.columns)
    assert list(history["epoch"]) == [0, 1, 2]


def test_result_is_on_disk(few, quick, tmp_path):
    told = []
    result = train(
        SmallCNN(width=8, embedding=32),
        few,
        METHODS.build("at"),
        quick(),
        seed=0,
        folder=tmp_path,
        progress=told.append,
    )
    saved = load_model(result.path)
    assert same(weights_of(saved.model), weights_of(result.model))
    x = few.floats()
    torch.testing.assert_close(
        saved.model(x).logits, result.model(x).logits
    )  # another memory layout may round otherwise
    assert saved.header["method"] == {"name": "at"}
    assert saved.header["model"] == {"name": "small_cnn", "width": 8, "embedding": 32}
    assert saved.header["facts"]["best_epoch"] in (1, 2)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1]
    assert rows[0]["triplet"] is None
    assert [event.row["epoch"] for event in told if event.row] == [0, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "model.safetensors", "train.pt"]
