"""Training as a whole: the contract of every method, and what a run writes."""

import json

import pytest
import torch
from method_contract import check_method

from tla.models.small_cnn import SmallCNN
from tla.training import METHODS, load_model, train


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_keeps_its_contract(name, tmp_path):
    check_method(name, tmp_path)


def test_result_is_on_disk(few, quick, tmp_path):
    events = []
    result = train(
        SmallCNN(width=8, embedding=32),
        few,
        METHODS.build("at"),
        quick(),
        seed=0,
        folder=tmp_path,
        progress=events.append,
    )
    saved = load_model(result.path)
    weights = result.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in saved.model.state_dict().items())
    x = few.floats()
    torch.testing.assert_close(
        saved.model(x).logits, result.model(x).logits
    )  # the other memory layout may round differently
    assert saved.header["method"] == {"name": "at"}
    assert saved.header["model"] == {"name": "small_cnn", "width": 8, "embedding": 32}
    assert saved.header["facts"]["best_epoch"] in (1, 2)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [0, 1]
    assert rows[0]["triplet"] is None
    assert [event.row["epoch"] for event in events if event.row] == [0, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "model.safetensors", "train.pt"]
