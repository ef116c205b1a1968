"""Threshold, lab, triplet and link as Python sees them, without a browser."""

import numpy as np
import pandas as pd
import pytest
import torch

import tla
from tla.seeding import generator
from tla.statistics import Sides, roc_curve
from tla.training import load_model
from tla.widgets.triplets import TripletState


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5])
def test_refused_and_passed_are_those_above_and_below(small, share):
    cut = tla.threshold(small, share=share, method="at", eps=0.2)
    rows = small.table("detection").query("method == 'at' and detector == 'gaussian' and eps == 0.2")
    fooled = rows.query("kind == 'adversarial' and prediction != y")
    clean = rows.query("kind == 'clean' and prediction == y")
    curve = roc_curve(Sides(fooled["score"].to_numpy(np.float32), clean["score"].to_numpy(np.float32)))
    assert cut.threshold == curve.threshold[curve.at_fpr(share)]
    assert cut.refused == tuple(sorted(fooled["id"][fooled["score"].astype("f4") >= cut.threshold]))
    assert cut.passed == tuple(sorted(fooled["id"][fooled["score"].astype("f4") < cut.threshold]))
    assert cut.alarms == tuple(sorted(clean["id"][clean["score"].astype("f4") >= cut.threshold]))
    assert len(cut.alarms) <= share * len(clean)
    own = cut.rows.query("method == 'at'")
    assert set(own.loc[own["refused"] & (own["kind"] == "adversarial"), "id"]) == set(cut.refused)


def test_the_handle_moves_what_is_refused(small):
    cut = tla.threshold(small, method="tla")
    before = len(cut.refused)
    cut.set_state({"share": 0.5})
    assert len(cut.refused) > before
    cut._received(None, {"name": "choose", "value": list(cut.refused)}, [])
    assert cut.selection == cut.refused


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"detector": "lid"}, "detector must be one of gaussian, max_softmax, got 'lid'"),
        ({"eps": 0.9}, r"no scores of an attacker who is not adaptive at eps 0.9, .*; the table has eps 0.2, 0.3"),
        ({"adaptive": True}, "no scores of an adaptive attacker"),
        ({"methods": ["pgd"]}, "methods must be among natural, at, tla, got 'pgd'"),
        ({"share": 0.9}, "share must be 0 to 0.5 of the clean images, got 0.9"),
        ({"method": "pgd"}, "method must be one of natural, at, tla, got 'pgd'"),
    ],
)
def test_a_threshold_that_is_not_possible_is_named(small, options, text):
    with pytest.raises(ValueError, match=text):
        tla.threshold(small, **options)


def test_without_scores_there_is_no_threshold(small):
    with pytest.raises(ValueError, match="there is no table 'detection'"):
        tla.threshold({"map": small.table("map")})
    rows = small.table("detection")
    fine = rows.assign(prediction=np.where(rows["method"] == "at", rows["y"], rows["prediction"]))
    cut = tla.threshold({"detection": pd.DataFrame(fine)}, method="at")
    assert (cut.threshold, cut.refused, cut.alarms) == (float("inf"), (), ())
    assert len(cut.still()) > 1000


@pytest.fixture
def lab(small):
    return tla.lab(f"{small.path}:at", steps=4)


def test_a_lab_gives_what_the_attack_gives(lab, small):
    arrays = small.arrays("images")
    x = torch.from_numpy(arrays["test"][[5]].astype(np.float32) / 255)
    y = torch.from_numpy(arrays["test_y"][[5]])
    model = load_model(small.path / "models/at-seed0/model.safetensors").model
    lab.focus, lab.seed = 5, 3
    threat = tla.Threat("linf", 0.2)
    result = tla.PGD(steps=4)(model, x, tla.Untargeted(y), threat, generator=generator(3, "dashboard"))
    assert torch.equal(lab.result.adversarial, result.adversarial)
    assert lab.image == 5
    assert lab.film.labels[0] == "step 0"
    target = (int(y) + 1) % 10
    lab.target, lab.eps = target, 0.4
    result = tla.PGD(steps=4)(
        model, x, tla.Targeted(torch.tensor([target])), tla.Threat("linf", 0.4), generator=generator(3, "dashboard")
    )
    assert torch.equal(lab.result.adversarial, result.adversarial)


def test_an_attack_without_steps_runs(lab):
    lab.attack = "fgsm"
    assert lab.result.queries.tolist()[0] >= 1
    assert "fgsm" in lab.verdict


def test_a_module_of_your_own_is_attacked():
    torch_model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)
    )
    x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    lab = tla.lab(torch_model, x, [0, 1, 2, 0], classes=["a", "b", "c"], ids=[10, 11, 12, 13], attack="fgsm")
    assert lab.focus == 10
    assert "of 8/255" in lab.verdict
    assert tla.lab(torch_model, x, [0, 1, 2, 0], threat=tla.Threat("l2", 0.5)).norm == "l2"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("digits",), "given as STUDY:METHOD or STUDY:METHOD:SEED, got 'digits'"),
        (("digits:at:x",), "got 'digits:at:x'"),
        ((torch.nn.Linear(2, 2),), "give the images x and their classes y with the model"),
        ((torch.nn.Linear(2, 2), torch.rand(3, 4), [0, 0, 0]), r"x must be \(n, c, h, w\) with a class each"),
        ((torch.nn.Linear(2, 2), 3 * torch.ones(1, 1, 2, 2), [0]), r"x must be in \[0, 1\], got 3 to 3"),
    ],
)
def test_a_lab_that_is_not_possible_is_named(given, text):
    with pytest.raises(ValueError, match=text):
        tla.lab(*given)


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="has no model pgd-seed0; it has: alp-seed0"):
        tla.lab("digits:pgd")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("attack", "pdg", "unknown attack 'pdg'; did you mean 'pgd'?"),
        ("eps", -1, "eps must be >= 0, got -1"),
        ("steps", 0, "steps must be >= 1, got 0"),
        ("target", 10, "target must be None or a class, 0 to 9, got 10"),
        ("focus", 600, "focus must be None or the id of an image, got 600"),
    ],
)
def test_a_setting_that_is_not_possible_is_named(lab, name, value, text):
    with pytest.raises(ValueError, match=text):
        setattr(lab, name, value)


def test_the_triplet_in_the_browser_is_that_of_python():
    plane = tla.triplet()
    sent = []
    plane.observe(lambda change: sent.append(change["new"]), "_data")
    points = {"anchor": "1,2", "positive": "4,3", "negatives": "5,5;0,5"}
    plane.set_state({"address": points | {"alpha": 0.2, "distance": "cosine", "drawn": 1}})
    assert plane.state == TripletState((1, 2), (4, 3), ((5, 5), (0, 5)), 0.2, "cosine", 1)
    assert not sent, "the answer to a move would throw the points back"
    cosine = [np.dot(p, (1, 2)) / np.linalg.norm(p) / np.linalg.norm((1, 2)) for p in ((4, 3), (0, 5))]
    assert plane.loss == pytest.approx(max(0, (1 - cosine[0]) - (1 - cosine[1]) + 0.2))
    plane.state = plane.state._replace(alpha=0.5)
    assert len(sent) == 1
    with pytest.raises(ValueError, match=r"distance must be one of .*, got 'l3'"):
        tla.triplet(distance="l3")


@pytest.mark.parametrize("make", ["threshold", "lab", "triplet"])
def test_each_has_a_still_picture_and_a_page(small, tmp_path, make):
    widget = {"threshold": lambda: tla.threshold(small), "lab": lambda: tla.lab(f"{small.path}:tla", steps=3)}.get(
        make, tla.triplet
    )()
    data = widget._repr_mimebundle_()[0]
    assert {"image/png", "text/plain"} <= set(data)
    assert widget.still() == widget.still()
    assert widget.save(tmp_path / "page.html").stat().st_size > 10_000


def test_linked_widgets_have_one_focus_and_one_selection(small):
    explorer, cut, lab = tla.explore(small), tla.threshold(small), tla.lab(f"{small.path}:at", steps=2)
    link = tla.link(explorer, cut, lab)
    explorer.focus = 7
    assert (cut.focus, lab.focus) == (7, 7)
    lab.focus = 9
    assert explorer.focus == cut.focus == 9
    cut.selection = [3, 4]
    assert explorer.selection == (3, 4)
    explorer.selection = range(10)
    assert set(cut.selection) == set(range(10)) & set(cut.known_ids.tolist())
    link.unlink()
    explorer.focus = 1
    assert lab.focus == 9


def test_ids_that_the_other_does_not_have_are_left_out(small):
    explorer = tla.explore(small)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
    lab = tla.lab(model, torch.rand(2, 1, 8, 8), [0, 1], ids=[3, 4], attack="fgsm")
    tla.link(explorer, lab)
    explorer.focus = 9
    assert lab.focus == 3
    explorer.focus = 4
    assert lab.focus == 4


@pytest.mark.parametrize(("widgets", "text"), [((3, 4), "with a focus or a selection, got int"), ((), "at least two")])
def test_what_cannot_be_linked_is_named(widgets, text):
    with pytest.raises(ValueError, match=text):
        tla.link(*widgets)
