"""Figures by their JSON: trace names, numbers of points and axis titles, against loops over the frames."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from figure_contract import pictures
from synthetic import TABLES, World, arrays

from tla.plots import FIGURES, Look
from tla.plots.agreement import default_pair, shared_outcomes
from tla.plots.drawing import compose, map_traces
from tla.plots.drawing.map_points import by_method
from tla.plots.drawing.map_traces import arrows
from tla.plots.drawing.paper import paper_accuracy
from tla.plots.drawing.pictures import Pictures, as_bytes, data_uri
from tla.plots.drawing.scores import scores_by_method
from tla.plots.drawing.sheet import Sheet, entry_width, text_width, wrap
from tla.plots.transfer_matrix import transfer_rates
from tla.statistics import sides

WORLD = World(n=80, methods=("natural", "at", "tla"))
SVG = Look(renderer="svg", classes=tuple("abcdefghij"))
F = {name: TABLES[name](WORLD) for name in TABLES}


def named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


def notes(figure):
    return [note.text for note in figure.layout.annotations]


needs_quiver = pytest.mark.skipif(not map_traces.has_quiver(), reason="quivers come with plotly 7")


def ids(trace):
    return set(np.asarray(trace.customdata).tolist())


@needs_quiver
def test_shift_arrows_points_from_clean_to_adversarial():
    figure = FIGURES.get("shift_arrows")(F["map"], look=SVG, shift=F["shift"])
    at = F["map"][(F["map"]["method"] == "at")]
    for k, name in enumerate("abcdefghij"):
        found = [trace for trace in named(figure, name) if trace.xaxis == "x2"]
        expected = at[(at["kind"] == "clean") & (at["y"] == k)]
        assert ids(found[0]) == set(expected["id"])
    quivers = [trace for trace in figure.data if trace.type == "quiver"]
    assert len(quivers) == 6
    wrong = next(trace for trace in quivers if trace.xaxis == "x2" and trace.name == "misclassified")
    for i, image in enumerate(wrong.customdata):
        start = at[(at["kind"] == "clean") & (at["id"] == image)].iloc[0]
        end = at[(at["kind"] == "adversarial") & (at["id"] == image)].iloc[0]
        assert end["prediction"] != end["y"]
        assert (wrong.x[i], wrong.y[i]) == pytest.approx((start["u"], start["v"]), abs=1e-5)
        assert (wrong.x[i] + wrong.u[i], wrong.y[i] + wrong.v[i]) == pytest.approx((end["u"], end["v"]), abs=1e-5)
    fooled = at[(at["kind"] == "adversarial") & (at["prediction"] != at["y"])]
    share = 100 * len(fooled) / 80
    before = 100 * (at[at["kind"] == "clean"]["prediction"] != at[at["kind"] == "clean"]["y"]).mean()
    assert any(f"<b>AT</b>: {share:.0f} % misclassified (clean: {before:.0f} %)" in note for note in notes(figure))
    own = F["shift"][(F["shift"]["method"] == "at") & (F["shift"]["attack"] == "pgd") & (F["shift"]["eps"] == 0.2)]
    assert any(f"turned {own['angle'].median():.0f}°" in note for note in notes(figure))


def test_shift_morph_moves_from_clean_to_adversarial():
    figure = FIGURES.get("shift_morph")(F["map"], look=SVG, methods=["natural", "at"], most=40, frames=5)
    assert [frame.name for frame in figure.frames] == list("01234")
    assert [step.label for step in figure.layout.sliders[0].steps] == ["clean", "", "", "", "attacked"]
    rows = F["map"].set_index(["method", "kind", "id"])
    for method, place in zip(("natural", "at"), figure.frames[0].traces, strict=True):
        images = figure.data[place].customdata
        assert len(images) == 20
        for index, frame in enumerate(figure.frames):
            walk = frame.data[frame.traces.index(place)]
            for i, image in enumerate(images):
                start, end = (rows.loc[(method, kind, image)] for kind in ("clean", "adversarial"))
                expected = [start[c] + (end[c] - start[c]) * index / 4 for c in ("u", "v")]
                assert (walk.x[i], walk.y[i]) == pytest.approx(expected, abs=1e-5)
        assert figure.data[place].x.tolist() == walk.x.tolist(), "the figure starts at the last frame"
    with pytest.raises(ValueError, match=r"frames must be >= 2 \(clean and attacked\), got 1; use 7"):
        FIGURES.get("shift_morph")(F["map"], frames=1)


@needs_quiver
def test_shift_arrows_thins_its_arrows_as_the_caption_says():
    figure = FIGURES.get("shift_arrows")(F["map"], look=SVG, most_arrows=10)
    assert sum(len(t.x) for t in figure.data if t.type == "quiver") == 30
    assert "at most 10 of them" in figure.layout.meta["caption"]


def test_arrows_before_plotly_7(monkeypatch):
    monkeypatch.setattr(map_traces, "has_quiver", lambda: False)
    rows = by_method(F["map"], ["at"])["at"].pairs().thin(3)
    trace = arrows(rows, "path", "#123456")
    assert trace["type"] == "scatter"
    go.Figure(trace)
    np.testing.assert_allclose(trace["x"][[0, 3, 6]], rows.u0, rtol=1e-6)
    np.testing.assert_allclose(trace["x"][[1, 4, 7]], rows.u1, rtol=1e-6)
    assert np.isnan(trace["y"][2::3]).all()


def test_points_are_float32_with_int32_ids():
    figure = FIGURES.get("one_class")(F["map"])
    values = json.loads(figure.to_json())
    clouds = [trace for trace in values["data"] if trace["type"] == "scattergl"]
    assert clouds
    for trace in clouds:
        assert trace["x"]["dtype"] == "f4"
        assert trace["customdata"]["dtype"] == "i4"


def test_one_class_colours_by_prediction():
    figure = FIGURES.get("one_class")(F["map"], look=SVG, klass=3)
    for panel, method in enumerate(WORLD.methods):
        axis = "x" if panel == 0 else f"x{panel + 1}"
        rows = F["map"][(F["map"]["method"] == method) & (F["map"]["kind"] == "adversarial") & (F["map"]["y"] == 3)]
        for k, group in rows.groupby("prediction"):
            trace = next(t for t in named(figure, f"→ {'abcdefghij'[k]}") if t.xaxis == axis)
            assert ids(trace) == set(group["id"])
            assert trace.marker.color == SVG.class_colour(k)
            assert trace.marker.symbol == SVG.class_symbol(k)
    assert "class d" in figure.layout.meta["title"]


def test_one_class_picks_the_most_fooled():
    rows = F["map"][F["map"]["kind"] == "adversarial"]
    counts = [(rows["y"] == k).to_numpy()[(rows["prediction"] != rows["y"]).to_numpy()].sum() for k in range(10)]
    figure = FIGURES.get("one_class")(F["map"], look=SVG)
    assert f"class {'abcdefghij'[int(np.argmax(counts))]}," in figure.layout.meta["title"]


def test_two_classes_shows_the_images_that_cross():
    figure = FIGURES.get("two_classes")(F["map"], look=SVG, true=2, false=3)
    crossing = [trace for trace in figure.data if trace.name == "c predicted as d (adversarial)"]
    rows = F["map"][(F["map"]["kind"] == "adversarial") & (F["map"]["y"] == 2) & (F["map"]["prediction"] == 3)]
    assert sum(len(trace.x) for trace in crossing) == len(rows)
    clean = [trace for trace in figure.data if trace.name == "d (clean)"]
    assert len(clean) == 3
    assert all(len(trace.x) == 8 for trace in clean)


def test_scores_of_each_method():
    rows = F["detection"]
    found = scores_by_method(rows, ["tla", "alp", "at"])
    assert list(found) == ["tla", "alp", "at"]
    for method, scores in found.items():
        for values, expected in zip(scores, sides(rows[rows["method"] == method]), strict=True):
            assert values.tolist() == expected.tolist()
    assert not len(found["alp"].positive)
    assert len(found["at"].positive)


def test_unknown_projection_and_detector_are_named():
    with pytest.raises(ValueError, match="projection must be one of umap, got 'isomap'"):
        FIGURES.get("one_class")(F["map"], projection="isomap")
    with pytest.raises(ValueError, match="detector must be one of gaussian, max_softmax, got 'x'"):
        FIGURES.get("roc")(F["detection"], detector="x")


def test_accuracy_bars_heights_intervals_and_paper():
    figure = FIGURES.get("accuracy_bars")(F["attacks"], paper=paper_accuracy("mnist"))
    assert figure.layout.yaxis.title.text == "accuracy (%)"
    assert [t.name for t in figure.data if t.type == "bar"] == ["Natural", "AT", "TLA"]
    bar = named(figure, "AT")[0]
    assert list(bar.x) == ["Clean", "FGSM", "BIM", "MIM", "C&amp;W", "PGD", "20\u00d7PGD", "Worst case"]
    frame = F["attacks"][(F["attacks"]["method"] == "at") & (F["attacks"]["eps"] == 0.2)]
    for label, attack in (("FGSM", "fgsm"), ("C&amp;W", "cw")):
        i = list(bar.x).index(label)
        right = sum(not fooled for fooled in frame.loc[frame["attack"] == attack, "success"])
        assert bar.y[i] == pytest.approx(100 * right / 80)
        assert bar.y[i] + bar.error_y.array[i] <= 100
        assert list(bar.customdata[i]) == [80, "at", attack]
    marks = [t for t in figure.data if t.name == "paper"]
    assert len(marks) == 3
    assert dict(zip(marks[1].x, marks[1].y, strict=True))["C&amp;W"] == pytest.approx(96.66)
    assert "Dashes: as reported by Mao et al. 2019" in figure.layout.meta["caption"]


def test_accuracy_bars_as_on_the_poster():
    figure = FIGURES.get("accuracy_bars")(F["attacks"], across="methods", worst=False)
    assert [t.name for t in figure.data] == ["Clean", "FGSM", "BIM", "MIM", "C&amp;W", "PGD", "20\u00d7PGD"]
    assert list(figure.data[0].x) == ["Natural", "AT", "TLA"]


def test_accuracy_curve_starts_at_the_clean_accuracy():
    figure = FIGURES.get("accuracy_curve")(F["attacks"])
    tla = named(figure, "TLA")[0]
    assert list(tla.x) == pytest.approx([0, 0.2, 0.25, 0.3])
    clean = F["attacks"][(F["attacks"]["attack"] == "clean") & (F["attacks"]["method"] == "tla")]
    assert tla.y[0] == pytest.approx(100 * (1 - clean["success"].mean()), abs=1e-4)
    assert figure.layout.xaxis.title.text == "eps"


def test_accuracy_steps_counts_the_first_success_of_any_restart():
    figure = FIGURES.get("accuracy_steps")(F["trajectory"])
    trace = named(figure, "AT")[0]
    rows = F["trajectory"][F["trajectory"]["method"] == "at"]
    for step, height in zip(trace.x, trace.y, strict=True):
        held = [not part.loc[part["step"] <= step, "success"].any() for _, part in rows.groupby("id")]
        assert height == pytest.approx(100 * np.mean(held))


def test_roc_legend_and_marker():
    figure = FIGURES.get("roc")(F["detection"], detector="gaussian", eps=0.2)
    rows = F["detection"]
    rows = rows[(rows["detector"] == "gaussian") & (rows["eps"] == 0.2) & (rows["method"] == "at")]
    positive, negative = sides(rows)
    assert len(positive) == ((rows["kind"] == "adversarial") & (rows["y"] != rows["prediction"])).sum()
    area = (positive[:, None] > negative).mean()
    curve = next(t for t in figure.data if t.name.startswith("AT ") and "[" in t.name)
    assert curve.name.startswith(f"AT {area:.3f} [")
    spot = next(t for t in figure.data if t.name == "AT at the threshold")
    assert spot.x[0] <= 0.05
    given = FIGURES.get("roc")(F["detection"], detector="gaussian", eps=0.2, threshold=1.0)
    spot = next(t for t in given.data if t.name == "AT at the threshold")
    assert spot.y[0] == pytest.approx((positive >= 1.0).mean())
    assert spot.x[0] == pytest.approx((negative >= 1.0).mean())
    assert figure.layout.xaxis.title.text == "false positive rate"
    assert list(figure.layout.xaxis2.range) == pytest.approx([0, 0.1], abs=1e-3)
    assert "not adaptive" in figure.layout.meta["caption"]


def test_histograms_count_everyone():
    figure = FIGURES.get("score_histograms")(F["detection"], detector="max_softmax")
    rows = F["detection"]
    rows = rows[
        (rows["detector"] == "max_softmax") & (rows["eps"] == rows["eps"].max()) & (rows["method"] == "natural")
    ]
    positive, negative = sides(rows)
    first = [trace for trace in figure.data if trace.xaxis == "x"]
    assert [sum(trace.customdata) for trace in first] == [len(negative), len(positive)]
    assert sum(first[0].y) == pytest.approx(100, abs=1e-3)


def test_confusion_adds_up():
    figure = FIGURES.get("confusion")(F["detection"], detector="gaussian", threshold=0.5)
    rows = F["detection"]
    rows = rows[(rows["detector"] == "gaussian") & (rows["eps"] == rows["eps"].max()) & (rows["method"] == "tla")]
    positive, negative = sides(rows)
    cell = figure.data[2]
    assert cell.text[0][0].startswith(f"{(positive >= 0.5).sum()} (")
    assert cell.text[1][1].startswith(f"{(negative < 0.5).sum()} (")


def test_class_confusion_rows_are_shares():
    figure = FIGURES.get("class_confusion")(F["attacks"], attack="cw")
    rows = F["attacks"][(F["attacks"]["attack"] == "cw") & (F["attacks"]["method"] == "natural")]
    z = np.array(figure.data[0].z, dtype=float)
    for y in range(10):
        part = rows[rows["y"] == y]
        for k in range(10):
            assert z[y, k] == pytest.approx(100 * (part["prediction"] == k).mean())


def test_of_many_classes_the_most_confused_are_drawn():
    rng = np.random.default_rng(0)
    y = np.arange(6000) % 1000
    prediction = np.where(y % 20 == 0, rng.integers(0, 50, 6000) * 20, y)  # only every twentieth class is confused
    table = pd.DataFrame({"method": "at", "seed": 0, "attack": "pgd", "eps": 0.1, "id": np.arange(6000), "y": y})
    table = table.assign(prediction=prediction, clean_prediction=y, success=y != prediction)
    figure = FIGURES.get("class_confusion")(table)
    z, shown = np.array(figure.data[0].z, dtype=float), [int(name) for name in figure.data[0].x]
    assert z.shape == (40, 40)
    assert all(name % 20 == 0 for name in shown)
    assert shown == sorted(shown)
    part = table[table["y"] == shown[3]]
    assert z[3, 5] == pytest.approx(100 * (part["prediction"] == shown[5]).mean())
    assert "the 40 of 1,000 classes that take part in most confusions" in figure.layout.meta["caption"]
    assert len(figure.to_json()) < 200_000


def test_neighbour_rows_borders_mark_right_and_wrong():
    figure = FIGURES.get("neighbour_rows")(F["neighbours"], look=SVG, pictures=pictures(WORLD), query=4, k=5)
    dashes = [shape.line.dash for shape in figure.layout.shapes]
    rows = F["neighbours"][(F["neighbours"]["id"] == 4) & (F["neighbours"]["rank"] <= 5)]
    wrong = int((rows["neighbour_y"] != rows["y"]).sum())
    assert dashes.count("dot") == wrong
    assert len(dashes) == 6 * (5 + 1)
    assert len(figure.layout.images) == 6 * (5 + 1)
    row = figure.data[0]
    first = rows[(rows["method"] == "natural") & (rows["kind"] == "clean")].sort_values("rank")
    assert list(row.customdata) == [4, *first["neighbour"]]


def test_neighbour_rows_without_pictures_write_classes():
    figure = FIGURES.get("neighbour_rows")(F["neighbours"], look=SVG, query=4, kinds=["clean"])
    assert not figure.layout.images
    assert {"a", "b", "c", "d", "e", "#4"} & set(notes(figure))


def test_purity_by_a_loop():
    figure = FIGURES.get("purity_curves")(F["neighbours"])
    trace = next(t for t in figure.data if t.name == "TLA" and t.xaxis == "x2")
    rows = F["neighbours"][(F["neighbours"]["method"] == "tla") & (F["neighbours"]["kind"] == "adversarial")]
    for k, height in zip(trace.x, trace.y, strict=True):
        near = rows[rows["rank"] <= k]
        assert height == pytest.approx(100 * (near["neighbour_y"] == near["y"]).mean(), abs=1e-3)


def test_trajectory_shows_path_distances_and_film():
    reel = {step: np.zeros((1, 8, 8), dtype=np.uint8) for step in range(0, 21, 2)}
    pictures = Pictures(film={"at-seed0": {1: reel}, "tla-seed0": {1: reel}})
    drawn = {"map": F["map"], "image": 1, "methods": ["at", "tla"]}
    figure = FIGURES.get("trajectory")(F["trajectory"], pictures=pictures, **drawn)
    paths = [t for t in figure.data if t.name == "path"]
    assert len(paths) == 4
    assert all(len(t.x) == 21 for t in paths)
    assert len([t for t in figure.data if t.name == "to false centroid"]) == 4, "a line for each restart"
    assert len(figure.layout.images) == 11
    assert "step 0" in notes(figure)
    assert any("sees, step by step" in note for note in notes(figure))
    path = F["trajectory"][(F["trajectory"]["id"] == 1) & (F["trajectory"]["restart"] == 0)]
    first = path[path["success"]].groupby("method")["step"].min().reindex(["at", "tla"]).min()
    frames = [shape for shape in figure.to_dict()["layout"]["shapes"] if shape["type"] == "rect"]
    borders = [shape["line"]["dash"] == "dot" for shape in frames]
    assert borders == [step >= first for step in sorted(reel)], "from the first step that fools a model"
    assert figure.layout.xaxis3.title.text == "attack step"
    bare = FIGURES.get("trajectory")(F["trajectory"], image=1)
    assert bare.layout.height < 2 * figure.layout.height
    assert not bare.layout.images


def one_path(success, **more):
    """Rows of one image whose only attack succeeds at these steps; the true class is 1, the false one 2."""
    success = np.array(success)
    values = {"method": "at", "seed": 0, "attack": "pgd", "eps": 0.2, "id": 5, "restart": 0, "y": 1, "false_class": 2}
    values |= {"step": np.arange(len(success)), "success": success, "prediction": np.where(success, 2, 1)}
    values |= {"p_true": np.where(success, 0.3, 0.7), "p_false": np.where(success, 0.6, 0.2), "u": 0.0, "v": 0.0}
    return pd.DataFrame(values | {"distance_own": 0.1, "distance_false": 0.4} | more)


@pytest.mark.parametrize(
    ("success", "words"),
    [
        ((0, 0, 0), "never fooled"),
        ((0, 1, 1), "flips at step 1"),
        ((0, 1, 0), "flips at step 1, right again at step 2"),
    ],
)
def test_the_words_of_a_trajectory_agree_with_its_margin(success, words):
    figure = FIGURES.get("trajectory")(one_path([bool(one) for one in success]), parts=["margin"])
    assert f"<b>AT</b>: {words}" in notes(figure)
    (margin,) = (trace for trace in figure.data if trace.name == "margin")
    assert [height > 0 for height in margin.y] == [bool(one) for one in success]
    marks = [shape["x0"] for shape in figure.to_dict()["layout"]["shapes"] if shape["xref"] == "x"]
    assert marks == ([] if words == "never fooled" else [1])


def test_several_starts_are_counted_and_each_is_drawn():
    rows = pd.concat([one_path([False, False, k > 0], restart=k) for k in range(3)], ignore_index=True)
    figure = FIGURES.get("trajectory")(rows, parts=["distances", "probabilities", "margin", "loss"])
    assert "<b>AT</b>: 2 of 3 starts flip, first at step 2" in notes(figure)
    names = [trace.name for trace in figure.data]
    lines = {"to own centroid", "to false centroid", "true class", "predicted class", "margin", "loss"}
    assert {name: names.count(name) for name in lines} == dict.fromkeys(lines, 3)
    caption = figure.layout.meta["caption"]
    assert "the margin is to that class" in caption
    measured = FIGURES.get("trajectory")(rows.assign(margin=1.0), parts=["margin"])
    assert "the margin is to that class" not in measured.layout.meta["caption"]


@pytest.mark.parametrize("look", [Look(), Look(theme="dark")])
def test_a_path_has_the_colours_and_symbols_of_the_classes(look):
    figure = FIGURES.get("trajectory")(one_path([False, True]), look=look)
    (path,) = (trace for trace in figure.data if trace.name == "path")
    assert list(path.marker.color) == [look.class_colour(1), look.class_colour(2)]
    assert list(path.marker.symbol) == [look.class_symbol(1), look.class_symbol(2)]
    assert {"1", "2"} <= {trace.name for trace in figure.data if trace.showlegend}


def test_learning_curves_have_a_band_over_seeds():
    frame = TABLES["history"](World(methods=("at", "tla"), seeds=(0, 1)))
    figure = FIGURES.get("learning_curves")(frame)
    assert [figure.layout[f"yaxis{i}"].title.text for i in ("", 2, 3, 4)] == [
        "accuracy under attack (%)", "clean accuracy (%)", "training loss", "active triplets (share)",
    ]  # fmt: skip
    band = named(figure, "band")[0]
    rows = frame[(frame["method"] == "at")].groupby("epoch")["robust_accuracy"]
    np.testing.assert_allclose(band.y[:12], 100 * rows.max(), rtol=1e-5)
    assert len(named(figure, "AT")) == 3  # no triplets


def test_shift_measures_boxes_are_quantiles():
    figure = FIGURES.get("shift_measures")(F["shift"])
    rows = F["shift"][(F["shift"]["attack"] == "pgd") & (F["shift"]["eps"] == 0.2) & (F["shift"]["method"] == "at")]
    box = next(t for t in figure.data if t.type == "box" and t.name == "correct" and t.xaxis == "x")
    i = list(box.y).index("AT")
    angle = rows.loc[rows["group"] == "correct", "angle"]
    assert box.median[i] == pytest.approx(angle.median())
    assert box.q1[i] == pytest.approx(angle.quantile(0.25))
    zero = next(t for t in figure.data if t.name == "random noise (median)")
    noise = F["shift"][(F["shift"]["attack"] == "noise") & (F["shift"]["method"] == "at")]
    assert zero.x[list(zero.y).index("AT")] == pytest.approx(noise["angle"].median(), rel=1e-5)
    assert figure.layout.xaxis.title.text == "angle between clean and adversarial (°)"


def test_transfer_matrix_warns_of_a_weak_white_box():
    table = transfer_rates(F["transfer"])
    one = F["transfer"].query("source == 'at' and target == 'tla'")
    assert table.query("source == 'at' and target == 'tla'")["accuracy"].item() == pytest.approx(
        sum(not fooled for fooled in one["success"]) / 80
    )
    assert "its own images hurt most" in FIGURES.get("transfer_matrix")(table).layout.meta["title"]
    table.loc[(table["source"] == "natural") & (table["target"] == "tla"), "accuracy"] = 0.1
    figure = FIGURES.get("transfer_matrix")(table)
    assert "hurt TLA more than its own" in figure.layout.meta["title"]
    assert figure.data[0].z[0][2] == pytest.approx(10)
    assert figure.layout.xaxis.title.text == "evaluated on"


def test_layers_and_ablation_axes():
    layers = FIGURES.get("layer_cka")(F["layers"])
    assert list(layers.layout.xaxis.ticktext) == ["conv1", "conv2", "fc", "embedding"]
    ablation = FIGURES.get("ablation")(F["ablation"])
    assert ablation.layout.xaxis.title.text == "pool"
    assert [t.name for t in ablation.data] == ["MIM", "C&amp;W", "PGD"]
    assert list(ablation.data[0].x) == ["1", "10", "50", "250"]


def test_audit_verdicts_are_where_they_belong():
    figure = FIGURES.get("audit_verdicts")(F["audit"])
    for trace in figure.data:
        word = trace.name[2:]
        rows = F["audit"][F["audit"]["verdict"] == word]
        assert len(trace.x) == len(rows)
    places = {(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert len(places) == len(F["audit"])
    assert "&lt; 1e-6" in figure.data[0].customdata[0]
    long = " ".join(f"word{k}" for k in range(90))
    (hover,) = FIGURES.get("audit_verdicts")(F["audit"].head(1).assign(evidence=long)).data[0].customdata
    assert hover.replace("<br>", " ") == long, "nothing is cut"
    assert max(len(line) for line in hover.split("<br>")) < 80


def test_triptych_noise_and_probabilities():
    found = arrays(WORLD)
    clean, noisy = found["images"]["test"][0], found["adversarial/at-seed0"]["pgd@0.2"][0]
    figure = FIGURES.get("attack_triptych")(clean, noisy, [0.9, 0.1], [0.3, 0.7], y=0, look=SVG)
    largest = np.abs(noisy - clean / 255).max()
    assert figure.layout.meta["title"] == f"class a becomes b with noise of at most {largest:.4g} per pixel"
    assert list(named(figure, "after the attack")[0].y) == pytest.approx([30, 70])
    assert f"noise \u00d7 {0.5 / largest:.0f}" in notes(figure)
    same = FIGURES.get("attack_triptych")(clean, clean, y=1, look=SVG)
    assert "at most 0 per pixel" in same.layout.meta["title"]


def test_triplet_golden_values():
    figure = FIGURES.get("triplet_drawn")((3, 4), (4, 3), (5, 5), alpha=0.05)
    assert "D(a,p) = 0.040, D(a,n) = 0.010, loss = 0.080" in notes(figure)
    far = FIGURES.get("triplet_drawn")((3, 4), (4, 3), (0, 5), alpha=0.05)
    assert "D(a,p) = 0.040, D(a,n) = 0.200, loss = 0.000" in notes(far)
    both = FIGURES.get("triplet_drawn")(after=((3, 4), (4, 3), (0, 5)))
    assert both.layout.meta["title"] == "The triplet loss falls from 0.080 to 0.000"


def test_poster_keeps_every_trace_and_its_axes():
    poster = FIGURES.get("poster")(
        F["attacks"], F["map"], F["detection"], neighbours=F["neighbours"], pictures=pictures(WORLD), look=SVG
    )
    alone = FIGURES.get("two_classes")(F["map"], look=SVG)
    for trace in alone.data:
        twins = [t for t in poster.data if t.name == trace.name and t.type == trace.type and len(t.x) == len(trace.x)]
        x = np.asarray(trace.x, float)  # with NaN between the arrows where plotly has no quivers
        assert any(np.array_equal(np.asarray(t.x, float), x, equal_nan=True) for t in twins)
    axes = {axis for trace in poster.data for axis in (trace.xaxis, trace.yaxis)}
    for axis in axes:
        domain = poster.layout[f"{axis[0]}axis{axis[1:]}"].domain
        assert 0 <= domain[0] < domain[1] <= 1
    boxes = [
        (*poster.layout[f"xaxis{n}"].domain, *poster.layout[f"yaxis{n}"].domain)
        for n in sorted({axis[1:] for axis in axes})
    ]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[1] <= b[0] + 1e-9 or b[1] <= a[0] + 1e-9 or a[3] <= b[2] + 1e-9 or b[3] <= a[2] + 1e-9


def test_panels_do_not_overlap():
    for count in (1, 2, 3, 5, 10):
        for width in (345, 600, 1200):
            sheet = Sheet(Look(width=width), count, head=30, strip=50)
            for i, a in enumerate(sheet.panels):
                for b in sheet.panels[:i]:
                    one, two = a.box, b.box
                    assert one[1] <= two[0] + 1e-9 or two[1] <= one[0] + 1e-9 or one[3] <= two[2] + 1e-9


def test_a_long_title_below_a_narrow_panel_is_wrapped_and_the_caption_moves_down():
    title = "accuracy under the worst attack minus that of the other one (points)"
    short, long = (Sheet(Look(width=345), 1) for _ in range(2))
    short.axis(short.panels[0], "eps")
    long.axis(long.panels[0], title)
    one, other = short.figure("t", "c.").layout, long.figure("t", "c.").layout
    lines = other.xaxis.title.text.split("<br>")
    assert " ".join(lines) == title
    assert all(text_width(line, 13) <= 1.2 * (345 - 76) for line in lines)
    assert other.height - one.height == other.margin.b - one.margin.b == 17 * (len(lines) - 1) > 0
    assert other.annotations[-1].yshift < one.annotations[-1].yshift


def test_legend_entries_get_enough_room():
    """Against widths that Chromium measures for DejaVu Sans, the widest font of the list, at 12 pixels."""
    for text, pixels in (("FGSM", 34.2), ("20\u00d7PGD", 51.1), ("Worst case", 65.8), ("Natural 0.877 [0.852]", 130.0)):
        assert 0.98 * pixels <= text_width(text, 12) <= 1.2 * pixels, text
    assert text_width("<b>a&amp;b</b>", 12) == text_width("axb", 12)
    assert entry_width("AT", "lines") > entry_width("AT", "markers") > text_width("AT", 12) + 40


def test_a_page_breaks_legends_within_their_block():
    figure = FIGURES.get("accuracy_bars")(F["attacks"], look=Look(width=560), across="methods")
    page = compose.page([[figure, figure]], Look(width=1138), title="t", caption="c")
    legends = [key for key in page.layout.to_plotly_json() if key.startswith("legend")]
    assert len(legends) == 4, "eight entries take two rows in each half"
    assert {page.layout[key].font.size for key in legends} == {12}
    for key in legends:
        entries = {t.name: t for t in page.data if t.showlegend and (t.legend or "legend") == key}
        assert sum(entry_width(name, t.mode if "mode" in t else None) for name, t in entries.items()) <= 560


def test_wrap():
    assert wrap("one two three four five six", 110, 10) == "one two three four<br>five six"
    assert wrap("", 100, 10) == ""
    assert wrap("it turns by 10 at (TLA-SA) medians", 130, 10) == "it turns by 10 at<br>(TLA-SA) medians"
    assert wrap("accuracy is now at 96 % for AT", 120, 10) == "accuracy is now at<br>96 % for AT"


def test_labels_of_bars_slant_where_they_would_overlap():
    names = ["clean", "fgsm", "bim", "mim", "cw", "pgd", "20xpgd", "ensemble"]
    rows = pd.concat([F["attacks"][F["attacks"]["attack"] == "clean"].assign(attack=name, eps=0.2) for name in names])
    for width, angle in ((1200, 0), (600, -55)):
        figure = FIGURES.get("accuracy_bars")(rows, look=Look(width=width))
        assert figure.layout.xaxis.tickangle == angle


def test_the_accuracy_table_explains_only_what_it_shows():
    for width in (1200, 600):
        figure = FIGURES.get("accuracy_table")(F["attacks"], look=Look(width=width))
        shown = any("±" in cell for row in figure.data[0].text for cell in row)
        assert shown == ("±" in figure.layout.meta["caption"]) == (width == 1200)


def test_empty_panels_have_axes():
    """Plotly draws no axes for a panel without a trace."""
    nothing = F["shift"].assign(angle=np.nan)
    figure = FIGURES.get("shift_measures")(nothing)
    assert {trace.xaxis for trace in figure.data} == {"x", "x2", "x3", "x4"}
    assert "no shift was measured" in notes(figure)
    lost = F["trajectory"].assign(u=np.nan, distance_own=np.nan, distance_false=np.nan)
    figure = FIGURES.get("trajectory")(lost)
    assert notes(figure).count("no path in this map") == 3
    assert notes(figure).count("no distance was measured") == 3
    four = TABLES["trajectory"](World(n=8, methods=("natural", "at", "alp", "tla")))
    assert not FIGURES.get("trajectory")(four).layout.xaxis5.visible, "no frame without a method"


@pytest.mark.parametrize(
    ("fooled", "words"),
    [
        ((), "no model"),
        (("at",), "only AT"),
        (("natural", "at"), "every model but TLA"),
        (("natural", "at", "tla"), "every model"),
    ],
)
def test_the_title_of_a_trajectory_names_the_fewer_models(fooled, words):
    rows = F["trajectory"].assign(success=F["trajectory"]["method"].isin(fooled))
    assert FIGURES.get("trajectory")(rows, image=1).layout.meta["title"].endswith(f", attacked, fools {words}")


@pytest.mark.parametrize("name", ["one_class", "two_classes", "shift_arrows", "shift_morph"])
def test_a_map_without_points_says_so(name):
    figure = FIGURES.get(name)(F["map"].iloc[:0])
    assert "no points" in notes(figure)
    assert figure.layout.xaxis.showticklabels is False
    assert figure.layout.height < 900


def test_scores_keep_room_for_the_clean():
    rows = F["detection"].copy()
    far = (rows["kind"] == "adversarial") & (rows["prediction"] != rows["y"])
    rows.loc[far, "score"] = 1000 * rows.loc[far, "score"].abs()
    figure = FIGURES.get("score_histograms")(rows)
    clean = next(trace for trace in figure.data if trace.name == "clean, correct")
    assert np.count_nonzero(clean.y) > 8


def test_a_narrow_poster_shows_its_whole_caption():
    for width in (1200, 600):
        figure = FIGURES.get("poster")(
            F["attacks"], F["map"], F["detection"], look=Look(width=width, source="a study with a long name; " * 4)
        )
        last = figure.layout.annotations
        caption = next(note for note in last if note.text.startswith("After the poster"))
        assert caption.y * figure.layout.height >= 17 * (caption.text.count("<br>") + 1)


def test_pictures_as_bytes():
    grey = as_bytes(np.array([[[0.0, 1.0], [0.5, 2.0]]]))
    assert grey.tolist() == [[0, 255], [128, 255]]
    assert as_bytes(np.zeros((3, 4, 5), np.uint8)).shape == (4, 5, 3)
    with pytest.raises(ValueError, match=r"image must have shape \(c, h, w\) with c of 1 or 3, got \(2, 4, 4\)"):
        as_bytes(np.zeros((2, 4, 4)))


def test_small_pictures_are_enlarged_pixel_by_pixel():
    import base64
    import io

    from PIL import Image

    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    read = np.array(Image.open(io.BytesIO(base64.b64decode(data_uri(image).partition(",")[2]))))
    assert read.shape == (56, 56)
    np.testing.assert_array_equal(read[::7, ::7], image[0])
    np.testing.assert_array_equal(read[6::7, 6::7], image[0])


def test_pictures_of_a_study(study):
    found = Pictures.of(study, ("at-seed0", "nobody-seed0"))
    assert set(found.adversarial) == {"at-seed0"}
    assert set(found.test) == set(range(120))
    assert found.adversarial["at-seed0"][5].dtype == np.float32
    assert Pictures.of(type(study)(study.path / "nowhere")) == Pictures()


def test_paper_figures():
    mnist = paper_accuracy("mnist").set_index(["method", "attack"])
    assert mnist.loc[("tla", "20xpgd"), "accuracy"] == pytest.approx(0.9679)
    assert mnist.loc[("tla", "20xpgd"), "confirmed"]
    assert not mnist.loc[("tla", "fgsm"), "confirmed"]
    assert paper_accuracy("digits").empty
    assert isinstance(paper_accuracy("cifar10"), pd.DataFrame)


def test_the_paper_is_quoted_for_the_steps_that_a_study_takes():
    suite = {name: {"name": "pgd", "steps": 40} for name in ("bim", "cw", "pgd", "20xpgd", "mim")} | {"fgsm": {}}
    forty = paper_accuracy("mnist", suite).set_index(["method", "attack"])["accuracy"]
    hundred = paper_accuracy("mnist").set_index(["method", "attack"])["accuracy"]
    assert forty["at", "pgd"] == pytest.approx(0.9658)
    assert hundred["at", "pgd"] == pytest.approx(0.9482)
    assert ("at", "20xpgd") not in forty.index
    same = [attack for attack in hundred["at"].index if attack not in ("pgd", "20xpgd")]
    assert (forty["at"][same] == hundred["at"][same]).all()
    assert len(paper_accuracy("cifar10", suite)) == 6 * len(("clean", "fgsm", "mim"))


LONG = tuple(f"{name} with a very long name indeed" for name in "abcdefghij")


def test_long_class_names_are_cut_but_stay_distinct():
    look = Look(width=600, classes=LONG)
    assert look.class_name(0) == "a with a very long name\u2026"
    assert look.class_name(12) == "12"
    assert Look(classes=("<" * 30,)).class_name(0, 4) == "&lt;&lt;&lt;\u2026"
    figure = FIGURES.get("class_confusion")(F["attacks"], look=look, methods=["at"])
    ticks = figure.layout.xaxis
    assert list(ticks.tickvals) == [str(i) for i in range(10)]
    assert set(ticks.ticktext) == {f"{name} with a ve\u2026" for name in "abcdefghij"}
    assert ticks.tickangle == -90
    assert figure.data[0].customdata[3][1].startswith("d with a very")
    rows = FIGURES.get("neighbour_rows")(F["neighbours"], look=look)
    verdicts = [note for note in rows.layout.annotations if note.text and note.text[0] in "\u2713\u2715"]
    for note in verdicts:
        axis = rows.layout[f"xaxis{note.xref[1:]}"]
        pixels = (axis.range[1] - note.x) / (axis.range[1] - axis.range[0]) * (600 - 28)
        assert text_width(note.text, 13) <= pixels, note.text
    assert verdicts


def test_titles_without_anything_to_report():
    world = World(n=30, methods=("at", "tla"), hold=1.0)
    scores = TABLES["detection"](world)
    assert FIGURES.get("confusion")(scores).layout.meta["title"].endswith("misses: no image is misclassified")
    assert FIGURES.get("score_histograms")(scores).layout.meta["title"].endswith(": no image is misclassified")
    same = F["layers"].assign(cka=1.0)
    title = FIGURES.get("layer_cka")(same).layout.meta["title"]
    assert title == "Clean and adversarial activations in the last layer: CKA 1.00 (every model)"
    one = FIGURES.get("audit_verdicts")(F["audit"][F["audit"]["method"] == "at"])
    assert one.layout.meta["caption"].startswith("n = 8 checks on 1 model.")


def test_transfer_states_what_is_unknown():
    draw = FIGURES.get("transfer_matrix")
    table = F["transfer"]
    assert draw(table).layout.meta["title"] == "Transfer: for every model its own images hurt most"
    alone = table[(table["source"] == "at") & (table["target"] == "at")]
    assert draw(alone).layout.meta["title"] == "Transfer of adversarial images: not measured"
    holed = table[~((table["target"] == "at") & (table["source"] == "at"))]
    assert "for 2 of 3 models" in draw(holed).layout.meta["title"]


@pytest.mark.parametrize("attack", ["clean", "pgd", "worst"])
def test_agreement_counts_what_a_loop_counts(attack):
    table, count = F["attacks"], {"both": [], "one": [], "other": [], "neither": []}
    for image in range(80):
        right = []
        for method in ("natural", "tla"):
            rows = table[(table["method"] == method) & (table["id"] == image)]
            near = [row for row in rows.itertuples() if row.attack == "clean" or abs(row.eps - 0.2) < 1e-9]
            rows = near if attack == "worst" else [row for row in near if row.attack == attack]
            right.append(not any(row.success for row in rows))
        name = {(1, 1): "both", (1, 0): "one", (0, 1): "other", (0, 0): "neither"}[tuple(map(int, right))]
        count[name].append(image)
    outcomes = shared_outcomes(table.sample(frac=1, random_state=0), "natural", "tla", attack=attack)
    assert {name: ids.tolist() for name, ids in outcomes.groups.items()} == count
    figure = FIGURES.get("agreement")(table, look=SVG, one="natural", other="tla", attack=attack)
    sizes = [[len(count["both"]), len(count["one"])], [len(count["other"]), len(count["neither"])]]
    assert [[int(text.split()[0]) for text in row] for row in figure.data[0].text] == sizes
    apart = sizes[0][1] + sizes[1][0]
    assert f"disagree on {apart} of 80" in figure.layout.meta["title"] or apart == 0


def test_agreement_has_a_default_pair():
    assert default_pair(F["attacks"], None, None) == ("at", "tla")
    assert default_pair(F["attacks"], "tla", None) == ("tla", "at")
    assert default_pair(F["attacks"], None, "at") == ("natural", "at")


def test_shift_measures_mention_noise_only_if_it_was_measured():
    draw = FIGURES.get("shift_measures")
    assert "random noise" in draw(F["shift"]).layout.meta["caption"]
    assert "noise" not in draw(F["shift"][F["shift"]["attack"] != "noise"]).layout.meta["caption"]


def test_shift_measures_say_which_images_the_attack_left():
    rows = F["shift"].copy()
    here = (rows["attack"] == "pgd") & (rows["eps"] == 0.2)
    left = here & (rows["group"] == "misclassified") & rows["method"].isin(["natural", "at"])
    rows.loc[left, "angle"] = 0.0
    rows = rows[rows["method"].isin(["natural", "at"])]
    shares = [100 * left[here & (rows["method"] == method)].mean() for method in ("at", "natural")]
    caption = FIGURES.get("shift_measures")(rows).layout.meta["caption"]
    assert f"At 0: the {shares[0]:.0f} % to {shares[1]:.0f} % that were misclassified already" in caption
    assert "already" not in FIGURES.get("shift_measures")(F["shift"]).layout.meta["caption"]
