"""Studies of embeddings alone: from folders and from Python, against independent numbers, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

import tla
from tla.cli import main
from tla.store import DamagedFileError
from tla.study.embeddings import examine_embeddings, read
from tla.study.embeddings.measure import Measuring
from tla.study.embeddings.model import table
from tla.study.embeddings.models import study_embeddings
from tla.study.embeddings.read import given_parts

N, M, D, CLASSES = 36, 45, 12, 3
FAST = {"projection": "pca", "neighbours": 5}


def world(seed=0):
    """Test images around three centres, a gallery, and two other conditions."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLASSES, D)) * 2
    y, gallery_y = np.arange(N) % CLASSES, np.arange(M) % CLASSES
    test = (centres[y] + rng.normal(size=(N, D))).astype(np.float32)
    return {
        "test": test,
        "y_test": y,
        "gallery": (centres[gallery_y] + rng.normal(size=(M, D))).astype(np.float32),
        "y_gallery": gallery_y,
        "blur": (test + 0.5 * rng.normal(size=(N, D))).astype(np.float32),
        "night": (test + centres[(y + 1) % CLASSES]).astype(np.float32),
    }


def write(folder, given):
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in given.items():
        np.save(folder / f"{name}.npy", values)
    return folder


def paths(folder):
    return {path.stem: path for path in folder.glob("*.npy")}


def degrees(one, other):
    """Angle of two vectors by the law of cosines in double precision."""
    one, other = (values.astype(np.float64) for values in (one, other))
    return np.degrees(np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1)))


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    return examine_embeddings(world(), folder=tmp_path_factory.mktemp("studied") / "study", **FAST)


def test_angles_margins_and_predictions_are_those_of_an_explicit_loop(studied):
    given, shift = world(), studied.table("shift")
    assert set(shift["attack"]) == {"blur", "night"}
    units = given["gallery"] / np.linalg.norm(given["gallery"], axis=1, keepdims=True)
    centroids = np.stack([units[given["y_gallery"] == c].mean(0) for c in range(CLASSES)])
    for condition in ("blur", "night"):
        rows = shift[shift["attack"] == condition].set_index("id")
        for i in range(N):
            near = cosine_similarity(given[condition][i : i + 1], centroids)[0]
            others = [c for c in range(CLASSES) if c != given["y_test"][i]]
            false = max(others, key=lambda c: near[c])
            assert rows.loc[i, "angle"] == pytest.approx(degrees(given["test"][i], given[condition][i]), abs=1e-3)
            assert rows.loc[i, "prediction"] == near.argmax()
            assert rows.loc[i, "margin"] == pytest.approx(near[given["y_test"][i]] - near[false], abs=1e-5)


def test_retrieval_is_that_of_sorted_cosines(studied):
    given, rows = world(), studied.table("retrieval")
    for label, condition in (("clean", "test"), ("blur", "blur"), ("night", "night")):
        order = np.argsort(-cosine_similarity(given[condition], given["gallery"]), axis=1)
        hit = given["y_gallery"][order[:, :5]] == given["y_test"][:, None]
        part = rows[rows["attack"] == label].sort_values("id")
        assert np.array_equal(part["recall_1"].to_numpy(bool), hit[:, 0])
        assert np.array_equal(part["recall_5"].to_numpy(bool), hit.any(1))


def test_every_table_tells_conditions_apart(studied):
    for name in ("shift", "measures", "structure", "map", "trust", "detection"):
        assert set(studied.table(name)["attack"]) == {"blur", "night"}, name
    for name in ("neighbours", "retrieval"):
        assert set(studied.table(name)["attack"]) == {"clean", "blur", "night"}, name
    assert not {"attacks", "audit", "history", "layers", "trajectory"} & set(studied.tables())
    detectors = set(studied.table("detection")["detector"])
    assert detectors == {"gaussian_diagonal", "knn"}, "those that read logits have none to read"
    assert any("nearest class centroid" in note for note in studied.manifest()["embeddings"]["notes"])


def test_the_report_names_the_condition_and_no_attack(studied):
    text = (studied.path / "report.html").read_text()
    assert "“blur” turns the embedding" in text
    assert "the audit need a model" in text
    for word in ("The attack turns", "adversarial images", "Run it: <code>tla audit"):
        assert word not in text


def test_figures_draw_the_chosen_condition(studied):
    angles = {
        name: tla.plots.draw("shift_measures", studied, condition=name).layout.meta["title"]
        for name in ("blur", "night")
    }
    median = studied.table("shift").query("attack == 'night'")["angle"].median()
    assert f"“night” turns the representation of model by {median:.0f}°" in angles["night"]
    assert angles["blur"] != angles["night"]
    with pytest.raises(ValueError, match="no condition 'fog'; it has blur, night"):
        tla.plots.draw("shift_measures", studied, condition="fog")


def test_a_folder_and_python_give_the_same_tables(studied, tmp_path, capsys):
    folder, out = write(tmp_path / "files", world()), tmp_path / "study"
    words = ["study", f"embeddings:{folder}", "--out", str(out), "--projection", "pca", "--neighbours", "5"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "night" in shown
    assert "recall@1" in shown
    for name in ("shift", "retrieval", "detection", "neighbours"):
        one, other = (store.table(name).drop(columns="method") for store in (studied, tla.Store(out)))
        pd.testing.assert_frame_equal(one, other)
    assert main(words) == 0
    assert "Nothing to do" in capsys.readouterr().out
    np.save(folder / "night.npy", world()["blur"])
    assert main(words) == 0
    assert "Nothing to do" not in capsys.readouterr().out
    changed = tla.Store(out).table("shift").set_index(["attack", "id"])["angle"]
    assert np.array_equal(changed["night"], changed["blur"])


def test_large_files_are_mapped_and_the_tables_are_the_same(studied, tmp_path, monkeypatch):
    folder = write(tmp_path / "files", world())
    monkeypatch.setattr(read, "MAPPED_FROM", 0)
    parts = read.read_folder(folder)["files"]
    assert parts["gallery"].file.path == folder / "gallery.npy"
    assert np.shares_memory(table(parts["gallery"]).embedding.numpy(), parts["gallery"].values)
    store = examine_embeddings(paths(folder), folder=tmp_path / "study", **FAST)
    for name in ("shift", "retrieval", "detection", "neighbours"):
        one, other = (found.table(name).drop(columns="method") for found in (studied, store))
        pd.testing.assert_frame_equal(one, other)


def test_a_mapped_file_that_is_written_to_meanwhile_is_named(tmp_path, monkeypatch):
    folder = write(tmp_path / "files", world())
    monkeypatch.setattr(read, "MAPPED_FROM", 0)
    measured = Measuring.frames

    def disturbed(self, report):
        with (folder / "gallery.npy").open("r+b") as file:
            file.seek(-4, 2)
            file.write(b"abcd")
        return measured(self, report)

    monkeypatch.setattr(Measuring, "frames", disturbed)
    with pytest.raises(DamagedFileError, match=r"gallery.npy: it was written to while the study read it"):
        examine_embeddings(paths(folder), folder=tmp_path / "study", **FAST)
    monkeypatch.setattr(Measuring, "frames", measured)
    examine_embeddings(paths(folder), folder=tmp_path / "study", **FAST)


def test_an_array_that_may_not_be_written_to_is_taken_as_it_is(studied, tmp_path):
    given = world()
    for values in given.values():
        values.flags.writeable = False
    assert np.shares_memory(table(given_parts(given)["model"]["gallery"]).embedding.numpy(), given["gallery"])
    store = examine_embeddings(given, folder=tmp_path / "study", **FAST)
    pd.testing.assert_frame_equal(store.table("shift"), studied.table("shift"))


def test_a_study_resumes_from_its_own_toml(tmp_path):
    folder = write(tmp_path / "files", world())
    assert main(["study", f"embeddings:{folder}", "--out", str(tmp_path / "a"), "--projection", "pca"]) == 0
    assert main(["study", str(tmp_path / "a" / "study.toml"), "--out", str(tmp_path / "a")]) == 0
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["complete"]


def test_without_a_gallery_no_image_is_its_own_neighbour(tmp_path):
    given = {name: values for name, values in world().items() if "gallery" not in name}
    store = examine_embeddings(given, folder=tmp_path / "study", **FAST)
    near = store.table("neighbours")
    assert not (near["id"] == near["neighbour"]).any()
    clean = near[(near["attack"] == "clean") & (near["rank"] == 1)].sort_values("id")
    cosine = cosine_similarity(given["test"])
    np.fill_diagonal(cosine, -2)
    assert np.array_equal(clean["neighbour"], cosine.argmax(1))


def test_the_prediction_of_an_image_does_not_know_the_image():
    """Each image alone on its axis: with itself in its centroid every image would be right."""
    rng = np.random.default_rng(1)
    test = np.eye(8, dtype=np.float32) + 0.01 * rng.normal(size=(8, 8)).astype(np.float32)
    given = study_embeddings(given_parts({"test": test, "night": test, "y_test": np.arange(8) % 2}))
    from tla.study.embeddings.models import outputs_of

    logits = outputs_of(given.first, "test", 2, "cosine").logits
    for i in range(8):
        for c in range(2):
            rest = [j for j in range(8) if j % 2 == c and j != i]
            mean = (test[rest] / np.linalg.norm(test[rest], axis=1, keepdims=True)).mean(0, keepdims=True)
            assert float(logits[i, c]) == pytest.approx(cosine_similarity(test[i : i + 1], mean)[0, 0] - 1, abs=1e-5)


def test_given_logits_decide_the_prediction(tmp_path):
    given, rng = world(), np.random.default_rng(2)
    logits = {which: rng.normal(size=(N, CLASSES)).astype(np.float32) for which in ("test", "blur", "night")}
    named = {f"logits_{which}": values for which, values in logits.items()}
    store = examine_embeddings(given | named, folder=tmp_path / "study", classes=("a", "b", "c"), **FAST)
    shift = store.table("shift").set_index(["attack", "id"])["prediction"]
    assert np.array_equal(shift["night"], logits["night"].argmax(1))
    assert "max_softmax" in set(store.table("detection")["detector"])
    assert store.manifest()["data"]["classes"] == ["a", "b", "c"]


@pytest.mark.parametrize("labels", [{}, {"y_test": np.zeros(N, int), "y_gallery": np.zeros(M, int)}])
@pytest.mark.drawn
def test_without_classes_the_rest_is_measured(tmp_path, labels):
    given = {name: values for name, values in world().items() if not name.startswith("y_")} | labels
    store = examine_embeddings(given, folder=tmp_path / "study", **FAST)
    shift = store.table("shift")
    assert shift["angle"].notna().all()
    assert (shift["group"] == "all").all()
    assert shift["margin"].isna().all()
    assert not store.has_table("detection")
    assert not store.has_table("retrieval")
    word = "Only one class" if labels else "No classes"
    assert any(note.startswith(word) for note in store.manifest()["embeddings"]["notes"])
    text = (store.path / "report.html").read_text()
    assert word in text
    assert "misclassified" not in text.split('id="maps"')[1].split("</section>")[0]


def test_rows_are_matched_by_id_within_and_between_models(tmp_path):
    given, rng = world(), np.random.default_rng(3)

    def frame(values, order):
        labels = given["y_test"][order]
        return pd.DataFrame({"id": 100 + order, "y": labels, "embedding": list(values[order])})

    orders = [rng.permutation(N) for _ in range(4)]
    for model in ("mine", "theirs"):
        folder = tmp_path / "files" / model
        write(folder, {name: given[name] for name in ("gallery", "y_gallery")})
        for name in ("test", "night"):
            frame(given[name], orders.pop()).to_parquet(folder / f"{name}.parquet")
    words = ["study", f"embeddings:{tmp_path / 'files'}", "--out", str(tmp_path / "study"), "--projection", "pca"]
    assert main(words) == 0
    shift = tla.Store(tmp_path / "study").table("shift")
    for _, rows in shift.groupby("method"):
        rows = rows.set_index("id")
        for i in (0, 7, N - 1):
            assert rows.loc[100 + i, "angle"] == pytest.approx(degrees(given["test"][i], given["night"][i]), abs=1e-3)


NAN = world()["test"].copy()
NAN[[3, 17]] = np.nan


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blur": world()["test"][:30]}, "blur has 30 rows, test has 36; both must be of the same images"),
        ({"blur": world()["test"][:, :5]}, "blur has embeddings of length 5, test of 12"),
        ({"blur": NAN}, "blur: every value must be finite, got NaN or infinity in row 3, 17"),
        ({"blur": None, "night": None}, "there is only the condition 'test'"),
        ({"test": world()["test"][:2]}, "at least 5 test images are needed, got 2"),
        ({"y_test": world()["y_test"][:9]}, "y_test: classes must be 36 whole numbers"),
        ({"y_test": world()["y_test"] * 0.5}, "whole numbers, one per row, got float64"),
        ({"y_test": world()["y_test"] - 1}, "y_test: classes must be numbers from 0, got -1"),
        ({"y_gallery": None}, "the classes of the gallery are missing"),
        ({"logits_test": np.zeros((N, 3))}, "logits_blur is missing next to logits_test"),
        ({"logits_fog": np.zeros((N, 3))}, "logits_ must be followed by test or gallery or blur or night, got 'fog'"),
        ({"images_test": np.zeros((N, 8, 8))}, "pictures must be uint8"),
        ({"clean": world()["test"]}, "'clean' has another meaning"),
        ({"test": None}, "there are no test embeddings"),
        ({"gallery": np.zeros((M, D, 1))}, "gallery: embeddings must be numbers of shape"),
        ({"classes": ["a"]}, "3 classes need as many names, got 1"),
    ],
)
def test_what_does_not_fit_is_named(change, says):
    given = {name: values for name, values in (world() | change).items() if values is not None}
    with pytest.raises(ValueError) as caught:
        study_embeddings(given_parts(given))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_embeddings_are_named(tmp_path, capsys):
    folder = write(tmp_path / "files", {"test": world()["test"]})
    (folder / "README.md").write_text("notes are left alone")
    (folder / "night.pt").write_bytes(b"x")
    assert main(["study", f"embeddings:{folder}"]) == 1
    assert "night.pt: embeddings must be a .npy or .parquet file, got '.pt'" in capsys.readouterr().err
    (folder / "night.pt").unlink()
    (folder / "night.npy").write_bytes(b"junk")
    assert main(["study", f"embeddings:{folder}"]) == 1
    assert "night.npy: cannot be read as .npy (it is no such file, or damaged" in capsys.readouterr().err
    assert main(["study", f"embeddings:{folder}", "--attack.eps", "0.1"]) == 1
    assert "--attack.eps has no meaning for embeddings alone" in capsys.readouterr().err
    assert main(["study", f"embeddings:{tmp_path / 'nowhere'}"]) == 1
    assert "nowhere: no such folder of embeddings" in capsys.readouterr().err


def test_wide_embeddings_are_drawn_as_narrow_ones():
    """More features than rows: the same map as from the d x d matrix."""
    wide = torch.randn(30, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = tla.PROJECTIONS.build("pca", distance="euclidean")(wide)
    centred = wide - wide.mean(0)
    axes = torch.linalg.eigh(centred.mT @ centred).eigenvectors.flip(1)[:, :2]
    expected = centred @ axes
    for k in range(2):
        one, other = drawn[:, k].double(), expected[:, k]
        assert torch.allclose(one, other, atol=1e-5) or torch.allclose(one, -other, atol=1e-5)
