"""Studies of one's own images: all are attacked where nothing is trained, and none is its own neighbour."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from own_data import arrays, write_arrays
from pictures import picture
from torch import nn

from tla.cli import main
from tla.data import SOURCES
from tla.store import Store
from tla.study import examine, recipes, run_study, study_from

ANALYSIS = {
    "neighbours": 5, "map_points": 20, "trajectories": 2, "projection": "pca", "audit": False, "layers": False,
    "detectors": ["gaussian_diagonal", "knn", "max_softmax", "mixture"], "adaptive": ["gaussian_diagonal", "mixture"],
}  # fmt: skip
NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.out = nn.Linear(90, 12), nn.Linear(12, 2)

    def forward(self, x):
        return self.out(torch.relu(self.body(x.flatten(1))))
"""


@pytest.fixture
def network(tmp_path, monkeypatch):
    (tmp_path / "ownnet.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return {"mine": {"load": "ownnet.py:Net"}}


def study_of(source, network, **analysis):
    attack = {"suite": {"fgsm": {"name": "fgsm"}}, "main": "fgsm", "detection_eps": [], "eps": 0.05}
    return study_from(
        recipes.read(source) | {"given": network, "methods": [], "attack": attack, "analysis": ANALYSIS | analysis}
    )


@pytest.fixture
def pets(tmp_path):
    for c, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(24):
            picture(100 * c + i).save(tmp_path / "pets" / name / f"{i}.png")
    return f"folder:{tmp_path / 'pets'}"


@pytest.mark.drawn
def test_all_pictures_are_attacked_and_none_is_its_own_neighbour(pets, network, tmp_path):
    said = []
    store = run_study(study_of(pets, network), tmp_path / "study", progress=lambda now: said.append(now.message))
    data = store.manifest()["data"]
    assert (data["queries"], data["gallery"], data["train"], data["shared"]) == (48, 48, 0, True)
    assert data["notes"] == ["no test split: all images are test images"]
    assert any(
        "all 48 images of pets are attacked; the gallery is the same images, each without itself" in text
        for text in said
    )
    attacks, near, path = (store.table(name) for name in ("attacks", "neighbours", "path"))
    assert attacks["id"].nunique() == 48
    assert (near["neighbour"] != near["id"]).all()
    assert (path["neighbour"] != path["id"]).all()
    clean = store.table("retrieval").query("kind == 'clean'")
    assert clean["recall_1"].mean() < 0.8, "random pictures: at chance"
    assert len(store.table("samples")) == 48
    assert set(store.table("detection")["detector"]) == set(ANALYSIS["detectors"])
    report = (store.path / "report.html").read_text()
    assert report.count("The study has only test images: each is compared with the others.") == 2
    assert "training images" not in report


def test_the_gallery_is_drawn_per_class_and_may_be_smaller(pets, network, tmp_path):
    store = run_study(study_of(pets, network, gallery=20, trajectories=0), tmp_path / "study")
    images = store.arrays("images")
    assert np.bincount(images["gallery_y"]).tolist() == [10, 10]
    near = store.table("neighbours")
    assert (near["neighbour"] != near["id"]).all()
    assert set(near["neighbour"]) <= set(images["gallery_id"])
    again = SOURCES.build("study", path=str(store.path)).load()
    assert again.shared
    assert again.train.ids.tolist() == images["gallery_id"].tolist()


def test_a_gallery_without_others_is_too_small(pets, network, tmp_path):
    with pytest.raises(ValueError, match=r"analysis.neighbours must be <= the gallery's other 47 images, got 48"):
        run_study(study_of(pets, network, neighbours=48), tmp_path / "study")


def test_a_detector_that_cannot_be_fitted_is_left_out_and_said(pets, network, tmp_path):
    for i in range(2, 24):
        (tmp_path / "pets" / "dog" / f"{i}.png").unlink()
    store = run_study(study_of(pets, network, trajectories=0), tmp_path / "study")
    assert set(store.table("detection")["detector"]) == {"knn", "max_softmax"}
    left_out = store.manifest()["steps"]["analyse/mine-seed0"]["facts"]["detectors_left_out"]
    assert left_out[0].startswith(
        "gaussian_diagonal (every class needs at least 3 training embeddings, classes [1] have"
    )
    assert left_out[1].startswith("mixture (")
    with pytest.raises(ValueError, match=r"analysis\.detectors: none can be fitted to the gallery: mixture"):
        run_study(study_of(pets, network, detectors=("mixture",), adaptive=()), tmp_path / "none")


@pytest.mark.more
def test_arrays_from_the_command_line(network, tmp_path, capsys):
    write_arrays(tmp_path / "own.npz")
    words = "study npz:own.npz --given mine=ownnet.py:Net --analysis.neighbours 3 --attack.main fgsm --out out "
    words += "--analysis.trajectories 0 --analysis.projection pca --analysis.no-audit"
    assert main(words.split()) == 0, capsys.readouterr().err
    assert Store(tmp_path / "out").manifest()["data"]["shared"] is True


@pytest.mark.more
def test_variables_without_a_gallery(tmp_path):
    x, y = arrays(40)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(90, 12), nn.ReLU(), nn.Linear(12, 2))
    store = examine(net, (x, y), folder=tmp_path / "study", suite={"fgsm": study_of_attack("fgsm")})
    near = store.table("neighbours")
    assert store.manifest()["data"]["shared"]
    assert (near["neighbour"] != near["id"]).all()


def study_of_attack(name):
    from tla.attacks import ATTACKS

    return ATTACKS.build(name)


def test_names_of_studies(tmp_path):
    assert recipes.read("csv:a/own.csv@label=kind")["name"] == "own"
    assert recipes.read("csv:a/own.csv@label=kind")["source"] == {"name": "csv", "path": "a/own.csv", "label": "kind"}
    assert recipes.read("torchvision:SVHN")["name"] == "svhn"
    assert recipes.read("mypkg.data:make")["source"] == {"name": "python", "function": "mypkg.data:make"}
    assert recipes.read("study:a/digits")["name"] == "digits-again"
    with pytest.raises(ValueError, match="this name is not UTF-8, so no study can note it; rename it, or name a link"):
        recipes.read("folder:a/\udcff")


@pytest.mark.drawn
def test_names_that_are_not_utf8_reach_the_report(network, tmp_path):
    import os

    for c, name in enumerate((b"cat", b"d\xf6g")):
        folder = os.path.join(os.fsencode(tmp_path), b"pets", name)  # noqa: PTH118
        os.makedirs(folder)  # noqa: PTH103
        for i in range(8):
            picture(100 * c + i).save(os.fsdecode(os.path.join(folder, b"\xe9%d.png" % i)))  # noqa: PTH118
    store = run_study(study_of(f"folder:{tmp_path / 'pets'}", network, trajectories=0), tmp_path / "study")
    assert store.manifest()["data"]["classes"] == ["cat", "d\\xf6g"]
    assert (store.path / "report.html").exists()


def test_code_of_a_study_is_not_run_for_its_images(network, tmp_path, capsys, monkeypatch):
    (tmp_path / "owndata.py").write_text("def make():\n    raise SystemExit('run')\n")
    from tla.cli import model

    own = model.NamedModel("theirs", nn.Identity(), {"source": {"name": "python", "function": "owndata.py:make"}})
    with pytest.raises(ValueError, match=r"theirs was trained on what owndata.py:make returns; to run that code, name"):
        model._images(own, None, None)


def test_a_model_is_attacked_on_what_it_was_not_trained_on(pets):
    from tla.cli import model

    path = pets.removeprefix("folder:")
    own = model.NamedModel("theirs", nn.Identity(), {"source": {"name": "folder", "path": path}})
    assert len(model._images(own, None, None)) == len(model._images(own, pets, None)) == 10
    assert len(model._images(None, pets, None)) == len(model._images(own, f"{pets}@resize=5", None)) == 48


@pytest.mark.more
def test_long_attacks_run_on_few_large_images(pets, network, tmp_path, monkeypatch):
    """What runs every step on every image takes most of the time: by default few, and the study's radius alone."""
    monkeypatch.setattr("tla.study.workspace.LONG_VALUES", 10 * 90)
    more = {"detectors": ["max_softmax"], "adaptive": ["max_softmax"], "trajectories": None, "ranking": None}
    for asked, count, radii in ((None, 8, [0.05]), (7, 7, [0.05, 0.1])):
        study = study_of(pets, network, **more, adaptive_images=asked)
        study = replace(study, attack=replace(study.attack, detection_eps=(0.1,)))
        said = []
        store = run_study(study, tmp_path / f"study{asked}", progress=lambda now, to=said: to.append(now.message))
        detection = store.table("detection")
        knows = detection["adaptive"].astype(bool)
        assert detection.loc[knows, "id"].nunique() == count
        assert sorted(detection.loc[knows, "eps"].unique()) == pytest.approx(radii)
        assert set(detection.loc[knows, "kind"]) == {"clean", "adversarial"}
        assert detection.loc[~knows, "id"].nunique() == 48
        assert any(f"adaptive attacks on {count} of 48 images (analysis.adaptive_images)" in text for text in said)
        assert store.table("ranking")["id"].nunique() == 4
        assert store.table("trajectory")["id"].nunique() <= 5
