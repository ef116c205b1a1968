"""Methods that trained given weights further: the lab runs them if their network was brought, and no other code."""

import json

import pytest
from dashboard import PAGES, make_study

import tla
from tla.models import GivenModel
from tla.training import save_model

NETWORK = """
from pathlib import Path
import torch
from torch import nn

Path({mark!r}).write_text("loaded")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.LazyLinear({classes})
        self.out(torch.zeros(1, {pixels}))

    def forward(self, x):
        return self.out(x.flatten(1))
"""


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


@pytest.fixture
def started(tmp_path, use_studies, mark):
    """A study whose "at" was trained from mine=theirs.py:Net."""
    store = make_study(tmp_path / "studies" / "made")
    manifest = store.manifest()
    shape, names = tla.Shape(*manifest["data"]["shape"]), tuple(manifest["data"]["classes"])
    file = tmp_path / "theirs.py"
    pixels = shape[0] * shape[1] * shape[2]
    file.write_text(NETWORK.format(mark=str(mark), classes=len(names), pixels=pixels))
    given = GivenModel(load=f"{file}:Net")
    start = tla.start_from(given, shape=shape, classes=len(names))
    save_model(store.path / "models/at-seed0/model.safetensors", start.network, start.describe(shape, names))
    about = {"name": "mine", "load": given.load, "fingerprint": start.fingerprint, "compared": False, "remarks": []}
    store.note(study=manifest["study"] | {"start": {"mine": {"load": given.load}}}, start=about, complete="yes")
    mark.unlink()
    use_studies(tmp_path / "studies")
    return file


@pytest.mark.parametrize("name", PAGES)
def test_no_page_runs_code_that_a_study_names(name, started, mark, open_page):
    app = open_page(name)
    assert not app.exception
    assert not mark.exists()


def test_the_lab_says_how_to_bring_the_network(started, open_page):
    app = open_page("attack")
    told = " ".join(caption.value for caption in app.caption)
    assert f"at is not run here: loading it would execute '{started}:Net'" in told
    assert f"tla app --given mine={started}:Net" in told


def test_the_lab_runs_what_was_trained_in_the_network_that_was_brought(started, mark, open_page, monkeypatch):
    monkeypatch.setenv("TLA_GIVEN", json.dumps({"mine": {"load": f"gone.pth@{started}:Net"}}))
    app = open_page("attack", models="at")
    assert not app.exception
    assert not app.error
    assert mark.exists()
    assert f":at-seed0@{started}:Net" in " ".join(block.value for block in app.code)


def test_the_page_of_the_data_names_the_start(started, open_page):
    app = open_page("data")
    told = " ".join(text.value for text in app.markdown)
    assert "Every method trained **mine** further" in told
    assert f"{started}:Net" in told
