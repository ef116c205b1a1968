"""What a study measures on its models: every detector, every map with its trust, the neighbours along a trajectory."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tla.nearest import nearest
from tla.projection import neighbour_overlap, procrustes, trustworthiness
from tla.representation import DETECTORS, Gallery, measure
from tla.study import recipes, run_study, study_from
from tla.types import Outputs

EPS = 0.2


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    values = recipes.read("digits")
    values |= {"methods": ["natural", "at"]}
    values["train"] |= {"epochs": 2, "holdout": 100}
    values["attack"] |= {
        "examples": 60, "batch": 60, "eps": EPS, "detection_eps": [], "suite": {"pgd": {"name": "pgd", "steps": 4}},
    }  # fmt: skip
    every = list(DETECTORS.names())
    values["analysis"] |= {
        "gallery": 300, "projection": "tsne", "map_points": 40, "trajectories": 3,
        "audit": False, "detectors": every, "adaptive": every,
    }  # fmt: skip
    return run_study(study_from(values), tmp_path_factory.mktemp("studies") / "analysis")


def of(frame, **values):
    for name, value in values.items():
        frame = frame[frame[name] == value]
    return frame


def test_every_detector_is_evaluated_with_and_without_an_adaptive_attack(store):
    detection = store.table("detection")
    for adaptive in (False, True):
        rows = of(detection, method="at", adaptive=adaptive)
        assert set(rows["detector"]) == set(DETECTORS.names())
        assert (rows.groupby(["detector", "kind"]).size() == 60).all()
        assert np.isfinite(rows["score"]).all()
    attacked = of(detection, method="at", kind="adversarial")
    evaded = attacked.groupby(["detector", "adaptive"])["score"].median().unstack()
    assert (evaded[True] < evaded[False]).sum() >= 6, evaded


def test_measures_and_structure_are_those_of_the_stored_embeddings(store):
    embeddings, images = store.arrays("embeddings/at-seed0"), store.arrays("images")
    detection = of(store.table("detection"), method="at", detector="energy", adaptive=False)
    y = torch.tensor(images["test_y"]).long()
    predicted = of(detection, kind="adversarial")["prediction"].to_numpy()
    outputs = [
        Outputs(torch.nn.functional.one_hot(torch.tensor(labels).long(), 10).float(), torch.tensor(values))
        for labels, values in ((images["test_y"], embeddings["test"]), (predicted, embeddings["adversarial"]))
    ]
    gallery = Gallery(torch.tensor(embeddings["gallery"]), torch.tensor(images["gallery_y"]).long())
    expected = measure(*outputs, y, gallery)
    rows = of(store.table("measures"), method="at")
    assert (rows["attack"] == "pgd").all()
    for name in ("angle", "recall_1", "map_at_r", "silhouette", "within"):
        for frame, against in ((rows, {"against": "adversarial"}), (rows, {"against": "clean"})):
            found = of(frame, measure=name, group="misclassified", **against)["mean"].item()
            wanted = of(expected.summary, measure=name, group="misclassified", **against)["mean"].item()
            assert found == pytest.approx(wanted, rel=1e-5), name
    frame = of(store.table("structure"), method="at").drop(columns=["method", "seed", "attack", "eps"])
    pd.testing.assert_frame_equal(frame.reset_index(drop=True), expected.structure, rtol=1e-5)


def test_every_map_has_its_trust(store):
    maps, trust = store.table("map"), store.table("trust")
    embeddings = store.arrays("embeddings/at-seed0")
    both = torch.tensor(np.concatenate([embeddings["test"][:40], embeddings["adversarial"][:40]]))
    for method, projection in maps[["method", "projection"]].drop_duplicates().itertuples(index=False):
        rows = of(trust, method=method, projection=projection).set_index("measure")["value"]
        assert list(rows.index) == [
            "trustworthiness", "neighbour overlap", "overlap of seeds", "disparity of seeds",
        ]  # fmt: skip
        if method == "at":
            places = torch.tensor(of(maps, method=method, projection=projection)[["u", "v"]].to_numpy("float32"))
            assert rows["trustworthiness"] == pytest.approx(trustworthiness(both, places), abs=1e-3)
            assert rows["neighbour overlap"] == pytest.approx(neighbour_overlap(both, places), abs=0.02)
    assert of(trust, projection="pca", measure="overlap of seeds")["value"].tolist() == [1, 1]


def test_maps_are_aligned_with_the_first_methods(store):
    for projection in ("tsne", "pca"):
        clean = of(store.table("map"), projection=projection, kind="clean").set_index("id")
        first, second = (torch.tensor(of(clean, method=m)[["u", "v"]].to_numpy()) for m in ("natural", "at"))
        move = procrustes(second, first)
        torch.testing.assert_close(move(second), second, atol=1e-3, rtol=1e-3)


def test_trajectories_are_on_the_aligned_map(store):
    """The last step of an attack is near a point of its image on the map."""
    trajectory = of(store.table("trajectory"), method="at")
    last = trajectory.sort_values("step").groupby("id").last()
    drawn = of(store.table("map"), method="at", projection="tsne")
    spread = drawn[["u", "v"]].std().mean()
    distances = [
        np.hypot(*(drawn.loc[drawn["id"] == image, ["u", "v"]].to_numpy() - row[["u", "v"]].to_numpy(float)).T).min()
        for image, row in last.iterrows()
        if image in set(drawn["id"])
    ]
    assert distances
    assert np.median(distances) < spread


def test_a_trajectory_keeps_margin_and_the_probability_of_the_predicted_class(store):
    rows = store.table("trajectory")
    wrong = rows["prediction"] != rows["y"]
    assert ((rows["margin"] > 0) == wrong).all()
    known = wrong & (rows["prediction"] == rows["false_class"])
    assert rows.loc[~wrong, "p_predicted"].to_numpy() == pytest.approx(rows.loc[~wrong, "p_true"].to_numpy())
    assert rows.loc[known, "p_predicted"].to_numpy() == pytest.approx(rows.loc[known, "p_false"].to_numpy())
    ratio = np.log(rows.loc[known, "p_false"] / rows.loc[known, "p_true"])
    assert rows.loc[known, "margin"].to_numpy() == pytest.approx(ratio.to_numpy(), abs=1e-3)
    assert (rows["p_predicted"] >= rows[["p_true", "p_false"]].max(axis=1) - 1e-6).all()


def test_the_path_of_neighbours_follows_the_steps(store):
    path, trajectory = of(store.table("path"), method="at"), of(store.table("trajectory"), method="at")
    assert set(zip(path["id"], path["step"], strict=True)) == set(
        zip(trajectory["id"], trajectory["step"], strict=True)
    )
    gallery_y = dict(zip(*(store.arrays("images")[name].tolist() for name in ("gallery_id", "gallery_y")), strict=True))
    assert path["neighbour_y"].tolist() == [gallery_y[image] for image in path["neighbour"]]
    for _, rows in path.groupby(["id", "restart"]):
        sets = [set(step["neighbour"]) for _, step in rows.groupby("step")]
        entered = [int(step["entered"].sum()) for _, step in rows.groupby("step")]
        assert entered == [0, *(len(now - before) for before, now in pairwise(sets))]


def test_the_stored_index_agrees_with_the_table(store):
    from tla.retrieval import load

    index = load(store.path / "index" / "at-seed0.faiss")
    rows = of(store.table("neighbours"), method="at", kind="adversarial")
    asked = torch.tensor(store.arrays("embeddings/at-seed0")["adversarial"])
    assert index.search(asked, 10).id.flatten().tolist() == rows["neighbour"].tolist()
    assert index.positions(asked, 10).tolist() == nearest(asked, index.vectors, 10).position.tolist()


def test_the_tables_are_documented(store):
    lines = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text().splitlines()
    for table in ("measures", "structure", "trust", "path"):
        (line,) = [line for line in lines if line.startswith(f"| `{table}` |")]
        frame = store.table(table)
        assert set(frame.columns) <= set(re.findall(r"\w+", line)), table
        if "measure" in frame:
            shift = lines[[line.startswith("| `shift` |") for line in lines].index(True)]
            assert all(name in line + shift for name in frame["measure"].unique()), table


def test_the_report_shows_them(store):
    text = (store.path / "report.html").read_text()
    for words in (
        "trustworthiness", "of each point's 10 nearest neighbours (chance", "violated (%)",
        "clean is the zero point",
        "entered, of 10", "neighbours of the true class (%) after", "the harder choice",
        "negatives: attacked images", "still right",
    ):  # fmt: skip
        assert words in text, words
    path = of(store.table("path"), method="at", step=0)
    share = 100 * (path["neighbour_y"] == path["y"]).mean()
    row = text[text.index("neighbours of the true class (%) after") :].split("<tr>")[2]
    assert f">{share:.1f}" in row
