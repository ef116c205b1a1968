"""The five roads of docs/yours.md, run as they stand, on small images."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import tla
from tla.cli import main

TEXT = (Path(__file__).parents[1] / "docs" / "yours.md").read_text(encoding="utf-8")
ROADS = re.findall(
    r"```(bash|python)\n(.*?)```", TEXT[TEXT.index("## Five roads") : TEXT.index("## Which networks")], re.S
)
NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.body, self.out = nn.Linear(768, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.out(torch.relu(self.body(x.flatten(1))))

def photos():
    made = torch.Generator().manual_seed(0)
    return torch.randint(256, (24, 3, 16, 16), generator=made).to(torch.uint8), torch.arange(24) % 3
"""
QUICK = {
    "folder:photos": "--analysis.projection pca --analysis.trajectories 0 --analysis.neighbours 3 --analysis.no-audit",
    "--start": "--train.epochs 1 --train.batch 8 --train.holdout 6 --attack.examples 6",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with what the document names: photos, a network, a photo, vectors."""
    (tmp_path / "mynet.py").write_text(NETWORK)
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "eel"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
                tmp_path / "photos" / name / f"{number}.png"
            )
    Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "vectors").mkdir()
    clean = rng.normal(size=(30, 6)).astype(np.float32)
    np.save(tmp_path / "vectors" / "test.npy", clean)
    np.save(tmp_path / "vectors" / "blur.npy", clean + rng.normal(size=clean.shape).astype(np.float32))
    np.save(tmp_path / "vectors" / "y_test.npy", np.arange(30) % 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("mynet", None)


def test_the_document_shows_five_roads():
    assert [language for language, _ in ROADS] == ["bash", "python", "bash", "bash", "python"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
@pytest.mark.more
def test_a_road_leads_there(number, here, capsys):
    language, text = ROADS[number]
    if language == "python":
        values: dict[str, object] = {}
        exec(compile(text, f"road {number}", "exec"), values)
        if "study" in values:
            assert set(values["study"].table("shift")["method"]) == {"mine", "other"}
            assert (values["study"].path / "report.html").is_file()
        else:
            found = values["found"]
            assert found.clean.shape == (3, 16, 16)
            assert float((found.adversarial - found.clean).abs().max()) <= 16 / 255 + 1e-6
            assert list(found.top(3)["rank"]) == [1, 2, 3]
            assert torch.isclose(found.after.sum(), torch.tensor(1.0))
        return
    words = shlex.split(text)
    assert words[0] == "tla"
    extra = " ".join(quick for part, quick in QUICK.items() if part in words).split()
    assert main([*words[1:], "--out", "out", *extra]) == 0
    store = tla.open_study("out")
    assert store.has_table("shift")
    assert (store.path / "report.html").is_file()
    assert "report.html" in capsys.readouterr().out.replace("\n", "")
