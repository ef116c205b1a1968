"""Detectors that were fitted, saved and loaded decide the same on new images, and refuse what they may."""

import pytest
import torch
from torch import nn

import tla
from tla.representation import DETECTORS
from tla.types import Outputs

SIDE, D, C = 4, 6, 3


class Small(nn.Module):
    """A network with a hidden layer."""

    def __init__(self, width=D, classes=C):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.head = nn.Linear(SIDE * SIDE, width), nn.Linear(width, classes)

    def forward(self, x):
        embedding = self.hidden(x.flatten(1)).relu()
        return Outputs(self.head(embedding), embedding)


def images(n, seed):
    return torch.rand(n, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model():
    return Small()


def fitted(model, name="gaussian", **settings):
    x = images(120, 0)
    return tla.fit_detector(name, model, x, torch.arange(120) % C, images(200, 1), **settings)


@pytest.mark.parametrize("name", DETECTORS.names())
def test_what_is_loaded_decides_as_what_was_saved(name, model, tmp_path):
    made = fitted(model, name, share=0.1, about={"study": "mine"})
    found = tla.load_detector(made.save(tmp_path / "d.safetensors"))
    score, refused = found(model, images(50, 2))
    assert torch.equal(score, made(model, images(50, 2)).score)
    outputs = tla.embed(model, images(50, 2))
    assert torch.equal(score, made.score(outputs))
    assert torch.equal(refused, score > found.threshold)
    assert (found.detector, found.share, found.about) == (made.detector, 0.1, {"study": "mine"})


@pytest.mark.parametrize("share", [0.0, 0.005, 0.05, 0.5, 0.999])
def test_the_threshold_refuses_the_share_that_names_it(share, model):
    made = fitted(model, share=share)
    _, refused = made(model, images(200, 1))  # the clean images themselves
    assert int(refused.sum()) == int(share * 200)
    assert made.refused == pytest.approx(int(share * 200) / 200)


def test_another_share_is_another_threshold(model, tmp_path):
    path = fitted(model).save(tmp_path / "d.safetensors")
    strict, usual = tla.load_detector(path, share=0.5), tla.load_detector(path)
    assert strict.threshold < usual.threshold == usual.at(0.05).threshold
    fresh = images(2000, 9)
    assert float(usual(model, fresh).refused.float().mean()) == pytest.approx(0.05, abs=0.04)


def test_equal_scores_refuse_nobody(model):
    made = tla.fit_detector("max_logit", model, images(9, 0), torch.arange(9) % C, images(1, 1).repeat(30, 1, 1, 1))
    assert made.refused == 0.0


def test_bytes_one_image_and_none(model):
    made, x = fitted(model), (images(3, 4) * 255).to(torch.uint8)
    torch.testing.assert_close(made(model, x).score, made(model, x.float() / 255).score)
    assert made(model, x[:1]).refused.shape == (1,)
    assert made(model, x[:0]).score.shape == (0,)


def test_another_network_is_refused(model):
    made = fitted(model)
    with pytest.raises(ValueError, match=r"fitted on, with embeddings of width 6, got 9"):
        made(Small(width=9), images(2, 0))
    with pytest.raises(ValueError, match=r"fitted on, with logits of width 3, got 5"):
        made(Small(classes=5), images(2, 0))


def test_bad_input_is_named(model, tmp_path):
    with pytest.raises(ValueError, match=r"share must be in \[0, 1\), the share of clean images refused, got 1.0"):
        fitted(model, share=1.0)
    with pytest.raises(ValueError, match="clean must hold images, got none"):
        tla.fit_detector("knn", model, images(20, 0), torch.zeros(20, dtype=torch.long), images(0, 1))
    with pytest.raises(ValueError, match="unknown detector 'knnn'; did you mean 'knn'"):
        fitted(model, "knnn")
    with pytest.raises(FileNotFoundError, match=r"there is no detector .*none; fit one: tla\.fit_detector"):
        tla.load_detector(tmp_path / "none")
    (tmp_path / "text").write_text("not a detector")
    with pytest.raises(ValueError, match="is not a detector that tla saved"):
        tla.load_detector(tmp_path / "text")
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "other")
    with pytest.raises(ValueError, match="is not a detector that tla saved"):
        tla.load_detector(tmp_path / "other")
