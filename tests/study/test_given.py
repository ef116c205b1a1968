"""Models that a study did not train: from the command line, a recipe and Python, alone and next to trained ones."""

import numpy as np
import pytest
import torch
from torch import nn

import tla
from tla.cli import main
from tla.cli.settings import with_given
from tla.data import SOURCES, images_from
from tla.models import GivenModel
from tla.plots.drawing.theme import method_label
from tla.study import AnalysisPlan, examine, recipes, run_study, study_from
from tla.study.config import study_values

SUITE = {"fgsm": {"name": "fgsm"}}
ANALYSIS = {"gallery": 200, "map_points": 20, "trajectories": 2, "projection": "pca", "audit": False}
NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.out = nn.Linear(64, 12), nn.Linear(12, 10)

    def forward(self, x):
        return self.out(torch.relu(self.body(x.flatten(1))))

def nine():
    net = Net()
    net.out = nn.Linear(12, 9)
    return net
"""


@pytest.fixture
def network(tmp_path, monkeypatch):
    (tmp_path / "mynet.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return "mynet.py:Net"


def values(given, **more):
    found = recipes.read("digits")
    found["attack"] |= {"examples": 40, "batch": 40, "suite": SUITE, "main": "fgsm", "detection_eps": []}
    return found | {"analysis": ANALYSIS, "methods": [], "given": given} | more


def small_net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))


@pytest.mark.drawn
def test_a_given_model_gets_everything_that_a_trained_one_gets(network, tmp_path):
    given = values({"mine": {"load": network}}, methods=["natural"])
    given["train"] |= {"epochs": 1, "batch": 128, "holdout": 100}
    store = run_study(study_from(given), tmp_path / "both")
    for name in ("attacks", "shift", "map", "detection", "neighbours", "retrieval", "trajectory", "layers", "path"):
        assert set(store.table(name)["method"]) == {"natural", "mine"}, name
    assert set(store.table("history")["method"]) == {"natural"}
    transfer = store.table("transfer")
    assert set(transfer["source"]) == set(transfer["target"]) == {"natural", "mine"}
    facts = store.manifest()["steps"]["given/mine-seed0"]["facts"]
    net = tla.load_user_model(network)
    images = SOURCES.build("digits").load().test
    clean = store.table("attacks").query("method == 'mine' and attack == 'clean'")
    rows = torch.tensor(clean["id"].to_numpy())
    right = net(images.floats()[rows]).logits.argmax(1) == images.labels[rows]
    assert facts["clean_accuracy"] == pytest.approx(float(right.float().mean()))
    assert np.array_equal(~clean["success"].to_numpy(), right.numpy())
    assert facts["width"] == 12
    assert "mine was given" in store.manifest()["fairness"]["reasons"][0]
    assert ">mine<" in (store.path / "report.html").read_text()


def test_nothing_is_repeated_until_the_model_changes(network, tmp_path):
    study, folder = study_from(values({"mine": {"load": network}})), tmp_path / "given"
    run_study(study, folder)
    events = []
    run_study(study, folder, progress=events.append)
    assert {event.state for event in events} == {"skipped"}
    (tmp_path / "mynet.py").write_text(NETWORK.replace("torch.relu", "torch.sigmoid"))
    events = []
    run_study(study, folder, progress=events.append)
    assert {event.state for event in events if "mine" in event.step} == {"running", "done"}


@pytest.mark.more
def test_command_line(network, tmp_path, capsys):
    words = ["study", "digits", "--given", f"mine={network}", "other=mynet.py:Net", "--out", "out", "--attack.main"]
    words += ["fgsm", "--attack.examples", "30", "--analysis.projection", "pca", "--analysis.no-audit"]
    words += ["--analysis.trajectories", "0", "--analysis.adaptive", "max_softmax", "--attack.detection-eps", "0.1"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "given/mine-seed0" in out
    assert "train/" not in out
    assert set(tla.open_study("out").table("attacks")["method"]) == {"mine", "other"}
    assert main(words) == 0
    assert "Nothing to do" in capsys.readouterr().out
    (tmp_path / "mynet.py").write_text(NETWORK.replace("12", "14"))
    assert main(words) == 0
    assert "14" in capsys.readouterr().out


def test_a_refused_model_leaves_no_study_that_would_hide_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["study", "digits", "--given", "mine=nonet.py:Net"]) == 1
    assert "no file nonet.py" in capsys.readouterr().err
    assert not (tmp_path / "studies" / "digits").exists()
    (tmp_path / "own").mkdir()  # somebody's own folder stays
    assert main(["study", "digits", "--given", "mine=nonet.py:Net", "--out", "own"]) == 1
    assert (tmp_path / "own").is_dir()


@pytest.mark.parametrize(
    ("words", "given", "rest"),
    [
        (["--given", "a=m:f", "b=x.onnx", "--seeds", "0"], {"a": {"load": "m:f"}, "b": {"load": "x.onnx"}}, 2),
        (["--given=a=m:f", "--head", "fc"], {"a": {"load": "m:f", "head": "fc"}}, 0),
        (["--given", "a=w.pth@m:Net", "--mean", "0.5"], {"a": {"load": "w.pth@m:Net", "mean": [0.5]}}, 0),
        (["--given", "a=m:f", "--order", "1", "0"], {"a": {"load": "m:f", "order": [1, 0]}}, 0),
        (["--given", "a=m:f", "--mean", "0.1,0.2,0.3"], {"a": {"load": "m:f", "mean": [0.1, 0.2, 0.3]}}, 0),
        (
            ["--given", "a=m:f", "--resize=32", "--channels", "3"],
            {"a": {"load": "m:f", "resize": 32, "channels": 3}},
            0,
        ),
    ],
)
def test_given_models_on_the_command_line(words, given, rest):
    found, left = with_given({"methods": ["tla"]}, words)
    assert found == {"methods": [], "given": given}
    assert len(left) == rest


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--given"], "--given needs a name and a model"),
        (["--given", "m:f"], "must be NAME=MODEL, as in mine=torchvision:resnet18, got 'm:f'"),
        (["--given", "a=m:f", "a=m:g"], "'a' is given twice"),
        (["--head", "fc"], "--head is for given models: name one with --given"),
        (["--given", "a=m:f", "--resize", "big"], "--resize must be numbers, got big"),
    ],
)
def test_words_that_give_no_model(words, message):
    with pytest.raises(ValueError, match=message):
        with_given({"methods": ["tla"]}, words)


@pytest.mark.parametrize("name", ["", " a", "a/b", "../a", "a@b", "a-seed0", "x" * 61, "a\n"])
def test_names_that_cannot_be_a_model_s(name):
    with pytest.raises(ValueError, match="given: a model's name must be"):
        study_from(values({name: {"load": "m:f"}}))


def test_names_of_methods_are_taken():
    with pytest.raises(ValueError, match="'at' is the name of a training method; give the model another name"):
        study_from(values({"at": {"load": "m:f"}}))
    with pytest.raises(ValueError, match=r"got none; or give a model \(given\.NAME\.load\)"):
        study_from(values({}))


def test_a_recipe_keeps_its_given_models():
    study = study_from(values({"my net 2": {"load": "m:f", "head": "fc"}}))
    assert study_from(study_values(study)) == study
    assert study.models == (("my net 2", 0),)


def test_a_model_for_other_classes_is_refused_before_anything_runs(network, tmp_path):
    study = study_from(values({"mine": {"load": "mynet.py:nine"}}))
    with pytest.raises(ValueError, match=r"given\.mine: Net has 9 classes, the data has 10"):
        run_study(study, tmp_path / "nine")


def test_labels_of_models():
    assert [method_label(name) for name in ("mine", "at", "tla@pool=250", "My Net")] == [
        "mine", "AT", "TLA, pool 250", "My Net",
    ]  # fmt: skip


def test_examine_measures_variables_in_python(tmp_path):
    images = SOURCES.build("digits").load()
    one, other = small_net(), small_net(1)
    rows = slice(0, 60)
    store = examine(
        {"one": one, "other": other},
        (images.test.floats(rows), images.test.labels[rows].to(torch.int32)),
        (images.train.pixels[:100].numpy(), images.train.labels[:100].tolist()),
        threat=tla.Threat("linf", 0.1),
        suite={"fgsm": tla.FGSM()},
        analysis=AnalysisPlan(map_points=20, trajectories=2, projection="pca", audit=False),
        folder=tmp_path / "here",
    )
    attacks = store.table("attacks")
    for name, net in (("one", one), ("other", other)):
        right = (net(images.test.floats(rows)).argmax(1) == images.test.labels[rows]).numpy()
        clean = attacks[(attacks.method == name) & (attacks.attack == "clean")].sort_values("id")
        assert np.array_equal(~clean.success.to_numpy(), right)
    again = SOURCES.build("study", path=str(store.path)).load()
    assert torch.equal(again.test.pixels, images.test.pixels[rows])
    assert len(again.train) == 100


def test_examine_takes_a_single_network_and_says_what_does_not_fit(tmp_path):
    x, y = torch.rand(30, 1, 8, 8).mul(255).round() / 255, torch.arange(30) % 10
    store = examine(small_net(), (x, y), suite={"fgsm": tla.FGSM()}, folder=tmp_path / "one",
                    analysis=AnalysisPlan(map_points=9, trajectories=0, projection="pca", neighbours=3))  # fmt: skip
    assert set(store.table("attacks").method) == {"Sequential"}
    assert store.manifest()["data"]["classes"] == [str(number) for number in range(10)]
    with pytest.raises(ValueError, match=r"test must be tla\.Images, a dataset or a pair \(x, y\), got Tensor"):
        examine(small_net(), x)
    with pytest.raises(ValueError, match="'a' must be a torch module, a text or a GivenModel, got int"):
        examine({"a": 3}, (x, y))
    with pytest.raises(ValueError, match="train and test must have the same classes and size"):
        examine(small_net(), (x, y), (torch.zeros(3, 1, 9, 9), [0, 1, 2]))


def test_a_given_model_says_where_it_comes_from():
    with pytest.raises(ValueError, match="load must say where the model comes from"):
        GivenModel(load="")


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (4, 5, 6, 3), (4, 1, 5, 6), (4, 5, 6)])
@pytest.mark.parametrize("kind", ["uint8", "float", "float64", "numpy", "list"])
def test_arrays_become_images(shape, kind):
    bytes_ = torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    x = {
        "uint8": bytes_, "float": bytes_ / 255, "float64": bytes_.double() / 255, "numpy": bytes_.numpy() / 255.0,
        "list": (bytes_ / 255).tolist(),
    }[kind]  # fmt: skip
    images = images_from(x, np.array([0, 1, 2, 0], dtype=np.uint8), split="train")
    four = bytes_[:, None] if len(shape) == 3 else bytes_ if shape[1] in (1, 3) else bytes_.permute(0, 3, 1, 2)
    assert torch.equal(images.pixels, four)
    assert images.labels.tolist() == [0, 1, 2, 0]
    assert images.classes == ("0", "1", "2")
    assert images.split == "train"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(2, 5, 8, 8), [0, 1], "x must have 1 or 3 channels, got shape"),
        (torch.zeros(2, 8), [0, 1], r"x must have shape \(n, c, h, w\)"),
        (torch.zeros(0, 1, 8, 8), [], r"with n >= 1, got \(0, 1, 8, 8\)"),
        (torch.full((2, 1, 8, 8), 2.5), [0, 1], r"x must be in 0\.\.1 \(before any normalisation.*got 2\.5\.\.2\.5"),
        (torch.full((2, 1, 8, 8), float("nan")), [0, 1], r"x must be in 0\.\.1"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.int64), [0, 1], r"x must be uint8 .* got torch\.int64"),
        (torch.zeros(2, 1, 8, 8), [0, 1, 2], "got 2 images and 3 labels"),
        (torch.zeros(2, 1, 8, 8), [[0], [1]], r"y must have shape \(n,\)"),
        (torch.zeros(2, 1, 8, 8), [0.5, 1], "y must be whole numbers"),
        (torch.zeros(2, 1, 8, 8), [-1, 1], "y must be class indices >= 0, got -1"),
        ("pictures", [0], "x must be an array of numbers, got str"),
    ],
)
def test_arrays_that_are_no_images(x, y, message):
    with pytest.raises(ValueError, match=message):
        images_from(x, y)


def test_rounding_to_bytes_is_said():
    with pytest.warns(UserWarning, match="rounded to 8 bits"):
        images_from(torch.full((1, 1, 2, 2), 0.501), [0])
