"""A study folder may come from anybody: the dashboard runs no code that it names unless it was started with it."""

import json
import subprocess

import numpy as np
import pytest
import torch
from dashboard import PAGES, make_study

from tla.cli import app_verb

MARK = """
from pathlib import Path
import torch
from torch import nn

Path({mark!r}).write_text("loaded")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.out = nn.LazyLinear({classes})
        self.out(torch.zeros(1, {pixels}))

    def forward(self, x):
        return self.out(x.flatten(1))
"""


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


@pytest.fixture
def stranger(tmp_path, use_studies, mark):
    """A study in which "at" was given as code that leaves a mark when it is loaded."""
    store = make_study(tmp_path / "studies" / "made")
    manifest = store.manifest()
    images = store.arrays("images")["test"]
    file = tmp_path / "theirs.py"
    file.write_text(
        MARK.format(mark=str(mark), classes=len(manifest["data"]["classes"]), pixels=int(np.prod(images.shape[1:])))
    )
    plan = manifest["study"] | {"methods": ["natural", "tla"], "given": {"at": {"load": f"{file}:Net"}}}
    store.note(study=plan, complete="yes")
    use_studies(tmp_path / "studies")
    return file


@pytest.mark.parametrize("name", PAGES)
def test_no_page_runs_code_that_a_study_names(name, stranger, mark, open_page):
    app = open_page(name)
    assert not app.exception
    assert not mark.exists()


def test_the_lab_says_how_to_bring_the_model(stranger, open_page):
    app = open_page("attack")
    told = " ".join(caption.value for caption in app.caption)
    assert f"tla app --given at={stranger}:Net" in told


def test_the_lab_runs_the_model_that_it_was_started_with(stranger, mark, open_page, monkeypatch):
    monkeypatch.setenv("TLA_GIVEN", json.dumps({"at": {"load": f"{stranger}:Net"}}))
    app = open_page("attack", models="at")
    assert not app.exception
    assert mark.exists()
    told = " ".join(warning.value for warning in app.warning)
    assert "This is not the model that the study measured" in told  # the table is synthetic


def test_a_file_that_is_not_here_is_asked_for_by_its_name(tmp_path, use_studies, open_page):
    store = make_study(tmp_path / "studies" / "made")
    plan = {"methods": ["natural", "tla"], "given": {"at": {"load": "theirs.onnx", "mean": "imagenet"}}}
    store.note(study=store.manifest()["study"] | plan, complete="yes")
    use_studies(tmp_path / "studies")
    app = open_page("attack")
    told = " ".join(caption.value for caption in app.caption)
    assert "at is not run here: the study was made from theirs.onnx, and there is no such file in" in told
    assert "tla app --given at=PATH/theirs.onnx" in told


def test_a_model_that_is_brought_is_called_as_the_study_called_it(monkeypatch):
    from board.lab_models import _allowed

    monkeypatch.setenv("TLA_GIVEN", json.dumps({"mine": {"load": "there/net.onnx"}}))
    settings = {"load": "net.onnx", "mean": "imagenet", "order": [1, 0]}
    assert json.loads(_allowed("mine", "mine", settings)) == settings | {"load": "there/net.onnx"}


@pytest.mark.parametrize(
    ("load", "safe"),
    [
        ("torchvision:resnet18", True), ("w.pth@torchvision:resnet18", True), ("timm:resnet18", True),
        ("net.onnx", True), ("mnist/tla", True), ("here/model.safetensors", True), ("mod:f", False),
        ("net.py:Net", False), ("w.safetensors@mod:Net", False), ("net.pt", False), ("hf:someone/net", False),
        ("robustbench:Someone2020", False), ("", False), ("unknown", False),
    ],
)  # fmt: skip
def test_which_sources_execute_nobody_s_code(load, safe):
    from board.lab_models import codeless

    assert codeless({"load": load}) is safe


def test_a_torchvision_model_runs_in_the_lab(tmp_path):
    from board.lab_models import LabModel, load

    settings = json.dumps({"load": "torchvision:squeezenet1_1"})
    network = load.__wrapped__(LabModel("", 0, settings, (3, 64, 64), 7))
    assert network(torch.zeros(2, 3, 64, 64)).logits.shape == (2, 7)


class Process:
    """Stands for the dashboard's process."""

    seen: dict = {}  # noqa: RUF012

    def __init__(self, command, env):
        self.seen.update(command=command, env=env)

    def wait(self, seconds=None):
        return 0

    def kill(self):
        pass


def test_the_command_passes_the_models_on(tmp_path, monkeypatch):
    seen = Process.seen
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("")
    monkeypatch.setattr(subprocess, "Popen", Process)
    words = ["--given", "mine=net.py:Net", "other=torchvision:resnet18", "--server.port", "9", "--head", "fc"]
    assert app_verb.run(words) == 0
    assert json.loads(seen["env"]["TLA_GIVEN"]) == {
        "mine": {"load": f"{tmp_path}/net.py:Net", "head": "fc"},
        "other": {"load": "torchvision:resnet18", "head": "fc"},
    }
    assert seen["command"][-2:] == ["--server.port", "9"]
    assert seen["env"]["PYTHONPATH"].startswith(str(tmp_path))
