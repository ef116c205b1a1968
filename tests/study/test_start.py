"""Studies that train every method from given weights: `--start NAME=MODEL`."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch
from start_nets import NETWORKS, write_pictures, write_weights
from torch import nn

import tla
from tla.cli import main
from tla.cli.settings import with_given
from tla.data import SOURCES
from tla.models import Start
from tla.store import Store
from tla.study import Study, recipes, run_study, study_from
from tla.study.config import study_values
from tla.study.find_model import find_model
from tla.study.pack import pack
from tla.study.run import plan, run_steps
from tla.study.workspace import TrainedModel, Workspace
from tla.training import load_model

SUITE = {"fgsm": {"name": "fgsm"}}
ANALYSIS = {
    "gallery": 100, "map_points": 10, "trajectories": 0, "projection": "pca", "audit": False, "layers": False,
    "detectors": ["max_softmax"], "adaptive": [],
}  # fmt: skip


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """The weights of `Net`, trained a little on the digits."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "net.py").write_text(NETWORKS)
    write_weights(f"{folder / 'net.py'}:Net", folder / "best.pth")
    return folder / "best.pth"


@pytest.fixture
def here(tmp_path, monkeypatch, weights):
    """A working folder with net.py and best.pth."""
    (tmp_path / "net.py").write_text(NETWORKS)
    shutil.copy(weights, tmp_path / "best.pth")
    monkeypatch.chdir(tmp_path)
    return tmp_path


QUICK = {"name": "pgd", "steps": 2, "step_size": "eps/2"}
TRAIN = {"epochs": 1, "batch": 128, "holdout": 100, "precision": "fp32", "attack": QUICK, "judge": QUICK}
MINE = "best.pth@net.py:Net"


def values(load=MINE, methods=("at",), **more):
    found = recipes.read("digits")
    found["attack"] |= {"examples": 60, "batch": 60, "suite": SUITE, "main": "fgsm", "detection_eps": []}
    found["train"] |= TRAIN
    return found | {"analysis": ANALYSIS, "methods": list(methods), "start": {"mine": {"load": load}}} | more


def made(load=MINE, folder="out", *, progress=None, **more):
    """A study up to its attacks: what follows has no part in where a training starts."""
    workspace = Workspace(study_from(values(load, **more)), Store(Path(folder)))
    return run_steps(workspace, first_steps, progress=progress, request="done")


def first_steps(workspace):
    kinds = ("data", "start", "train", "given", "attack", "tables")
    return [step for step in plan(workspace) if step.name.split("/")[0] in kinds]


@pytest.mark.drawn
def test_before_and_after_stand_side_by_side(here):
    store = run_study(study_from(values(methods=("natural", "at"))), here / "out")
    for name in ("attacks", "shift", "transfer", "retrieval"):
        found = store.table(name)
        assert set(found["source" if name == "transfer" else "method"]) == {"natural", "at", "mine"}, name
    assert set(store.table("history")["method"]) == {"natural", "at"}
    manifest = store.manifest()
    assert manifest["fairness"] == {"fair": True, "reasons": []}
    assert manifest["start"]["name"] == "mine"
    assert manifest["start"]["load"] == MINE
    assert manifest["start"]["compared"]
    assert len(manifest["start"]["fingerprint"]) == 16
    report = (store.path / "report.html").read_text()
    assert MINE in report
    assert manifest["start"]["fingerprint"] in report
    before = store.table("attacks").query("method == 'mine' and attack == 'clean'").sort_values("id")
    images = SOURCES.build("digits").load().test
    rows = torch.tensor(before["id"].to_numpy())
    right = tla.load_user_model(MINE)(images.floats()[rows]).logits.argmax(1) == images.labels[rows]
    assert np.array_equal(~before["success"].to_numpy(), right.numpy())


def test_the_first_step_of_every_method_and_seed_is_from_the_same_weights(here):
    store = made(methods=("natural", "at"), seeds=[0, 1], train=TRAIN | {"learning_rate": 1e-12}, before=False)
    net, weights = (
        tla.load_user_model("net.py:Net", shape=(1, 8, 8)),
        torch.load("best.pth", weights_only=True)["state_dict"],
    )
    for key in ("natural-seed0", "natural-seed1", "at-seed0", "at-seed1"):
        saved = load_model(store.path / f"models/{key}/model.safetensors", net.module).model
        for name, value in weights.items():
            if "running" not in name and "num_batches" not in name:  # statistics move without any learning
                assert torch.allclose(saved.state_dict()[f"module.{name}"], value, atol=1e-6), (key, name)


def test_robust_accuracy_is_higher_than_from_scratch_in_as_many_epochs(here):
    tuned = made(folder="tuned")
    scratch = made("net.py:Net", folder="scratch")
    robust = [
        1 - s.table("attacks").query("method == 'at' and attack == 'fgsm'")["success"].mean() for s in (tuned, scratch)
    ]
    assert robust[0] > robust[1] + 0.1


def test_nothing_is_repeated_until_the_weights_change(here):
    made()
    first = (here / "out/models/at-seed0/model.safetensors").read_bytes()
    events = []
    made(progress=events.append)
    assert {event.state for event in events} == {"skipped"}
    content = torch.load("best.pth", weights_only=True)
    content["state_dict"]["out.bias"][0] += 0.5
    torch.save(content, "best.pth")
    events = []
    made(progress=events.append)
    assert "train/at-seed0" in {event.step for event in events if event.state == "done"}
    assert (here / "out/models/at-seed0/model.safetensors").read_bytes() != first


def test_an_untrained_network_is_the_same_start_in_every_run(here):
    made("net.py:unseeded")
    events = []
    made("net.py:unseeded", progress=events.append)
    assert {event.state for event in events} == {"skipped"}


def test_a_module_that_is_a_variable_of_a_file_is_not_trained_itself(here):
    before = {name: value.clone() for name, value in find_model("net.py:NET").model.state_dict().items()}
    store = made("net.py:NET", methods=("natural", "at"))
    state = find_model("net.py:NET").model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in before.items())
    assert store.manifest()["start"]["compared"]


def test_another_number_of_classes_gets_a_new_head(here):
    write_pictures(here / "photos", classes=3, size=8, channels=1, count=40)
    source = {"name": "folder", "path": str(here / "photos"), "channels": 1}
    store = made(source=source, methods=("at",), train={"epochs": 1, "batch": 16, "holdout": 12})
    start = store.manifest()["start"]
    assert start["classes_before"] == 10
    assert not start["compared"]
    assert "it has 10 classes, the data 3: 'out', which gives the logits, is replaced" in start["remarks"][-1]
    assert set(store.table("attacks")["method"]) == {"at"}
    workspace = Workspace(study_from(json.loads(json.dumps(store.manifest()["study"]))), store)
    model = workspace.model(TrainedModel("at", 0))
    x = workspace.queries.floats(slice(5))
    assert model(x).logits.shape == (5, 3)
    named = find_model(f"{store.path}:at@net.py:Net").model
    assert torch.equal(named(x).logits, model(x).logits)


def test_without_the_comparison(here):
    store = made(before=False)
    assert set(store.table("attacks")["method"]) == {"at"}
    assert not store.manifest()["start"]["compared"]


@pytest.mark.parametrize("load", ["digits:natural", "torchvision:squeezenet1_1"])
def test_starts_that_need_no_code_are_loaded_without_their_network(here, load):
    write_pictures(here / "photos", classes=3, size=32, channels=3, count=30)
    more = {}
    if load.startswith("torchvision"):
        source = {"name": "folder", "path": str(here / "photos")}
        more = {"source": source, "train": {"epochs": 1, "batch": 16, "holdout": 10}}
    store = made(load, **more)
    workspace = Workspace(study_from(store.manifest()["study"]), store)
    x = workspace.queries.floats(slice(4))
    saved = load_model(store.path / "models/at-seed0/model.safetensors").model
    assert torch.equal(saved(x).logits, workspace.model(TrainedModel("at", 0))(x).logits)


def test_code_that_a_file_names_is_run_only_when_it_is_brought(here, capsys):
    store = made()
    file = store.path / "models/at-seed0/model.safetensors"
    (here / "net.py").write_text(NETWORKS + "\nraise SystemExit('the code of a stranger was run')\n")
    with pytest.raises(ValueError, match=r"trained from best\.pth@net\.py:Net, and code that a file names is not run"):
        load_model(file)
    for name in ("out:at", str(file)):
        with pytest.raises(ValueError, match=r"on the command line as STUDY:METHOD@net\.py:Net"):
            find_model(name)
    packed = pack(store, here / "packed")
    assert packed.arrays("images")["test"].shape[0] == 60
    (here / "net.py").write_text(NETWORKS)
    net = tla.load_user_model("net.py:Net").module
    x = SOURCES.build("digits").load().test.floats(slice(20))
    whole = load_model(file, net).model(x).logits
    assert torch.equal(find_model("out:at@net.py:Net").model(x).logits, whole)
    assert torch.equal(find_model(f"{file}@net.py:Net").model(x).logits, whole)
    half = find_model("packed:at-seed0@net.py:Net").model(x).logits
    assert torch.allclose(half, whole, atol=0.05)
    with pytest.raises(ValueError, match="the network is not the one that was trained"):
        load_model(file, nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
    with pytest.raises(
        ValueError, match=r"'mine' was given to .*out, which has no weights of it: name best\.pth@net\.py"
    ):
        find_model("out:mine")
    assert main(["attack", "out:at@net.py:Net", "--attacks", "fgsm", "--examples", "20"]) == 0
    assert main(["audit", "out@net.py:Net", "--level", "quick", "--examples", "20"]) in (0, 3)
    assert "out:at-seed0@net.py:Net" in capsys.readouterr().out


def test_what_was_made_robust_can_be_trained_further(here):
    made()
    store = made("out:at@net.py:Net", folder="further")
    x = SOURCES.build("digits").load().test.floats(slice(20))
    workspace = Workspace(study_from(store.manifest()["study"]), store)
    found = find_model("further:at@net.py:Net").model(x).logits
    assert torch.equal(found, workspace.model(TrainedModel("at", 0))(x).logits)
    with pytest.raises(ValueError, match=r"start\.mine: out:at@net\.py:Net is called as it was trained"):
        made("out:at@net.py:Net", start={"mine": {"load": "out:at@net.py:Net", "mean": [0.5]}}, folder="other")


def test_models_of_variants_are_found_by_their_names(here):
    store = made(methods=("at", "at@train.label_smoothing=0.1"))
    name = f"{store.path}:at@train.label_smoothing=0.1"
    assert find_model(f"{name}@net.py:Net").key == "at@train.label_smoothing=0.1-seed0"
    assert find_model(f"{store.path}:at@net.py:Net").key == "at-seed0"
    with pytest.raises(ValueError, match="has no model 'at@pool=3'"):
        find_model(f"{store.path}:at@pool=3")


def command(folder):
    """The study of a recipe, as words: six epochs, one attack."""
    recipe = values(attack={"eps": 0.1, "examples": 60, "batch": 60, "suite": SUITE, "main": "fgsm"})
    recipe = {key: value for key, value in recipe.items() if key != "start"}
    Path("recipe.toml").write_text(tomli_w.dumps(recipe))
    start = ["--start", f"mine={MINE}", "--no-before", "--train.epochs", "6", "--train.batch", "64"]
    return ["study", "recipe.toml", *start, "--out", str(folder)]


ALONE = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.slow
@pytest.mark.more
def test_a_killed_study_ends_with_the_same_weights(here):
    def trained(folder):
        subprocess.run([sys.executable, "-m", "tla", *command(folder)], env=ALONE, check=True, capture_output=True)
        return (folder / "models/at-seed0/model.safetensors").read_bytes()

    folder = here / "killed"
    state = folder / "models/at-seed0/log.jsonl"
    with subprocess.Popen([sys.executable, "-m", "tla", *command(folder)], env=ALONE, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None and not (state.exists() and len(state.read_text().splitlines()) >= 2):
            pass
        run.send_signal(signal.SIGKILL)
    assert not (folder / "models/at-seed0/model.safetensors").exists()
    trained(folder)
    rows = [json.loads(line) for line in state.read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(6))
    trained(here / "whole")
    from safetensors.torch import load_file

    one, two = (load_file(path / "models/at-seed0/model.safetensors") for path in (folder, here / "whole"))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
@pytest.mark.more
def test_two_processes_start_from_the_same_weights(here):
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29537", "-m", "tla"]
    recipe = here / "mine.toml"  # torchrun takes words that begin like its own options, as --start, for its own
    found = values()
    found["train"] |= {"epochs": 6, "batch": 64}
    recipe.write_text(tomli_w.dumps(found))
    words = ["study", str(recipe), "--out", str(here / "two")]
    done = subprocess.run([sys.executable, *launch, *words], env=ALONE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    store = Store(here / "two")
    assert store.manifest()["steps"]["train/at-seed0"]["facts"]["processes"] == 2
    assert store.table("history")["robust_accuracy"].iloc[-1] > 0.2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"start": {"a": {"load": "m:f"}, "b": {"load": "m:f"}}}, "start must be one model for all methods, got a, b"),
        ({"start": {"at": {"load": "m:f"}}}, "start: 'at' is the name of a training method"),
        ({"start": {"a/b": {"load": "m:f"}}}, "start: a model's name must be"),
        ({"given": {"mine": {"load": "m:f"}}}, "start: 'mine' is the name of a given model too"),
        (
            {"methods": [], "given": {"x": {"load": "m:f"}}},
            "methods must name at least one method to train 'mine' with",
        ),
        (
            {"methods": ["at@model.width=8"]},
            "'at@model.width=8' asks for another network, but every method trains 'mine'",
        ),
    ],
)
def test_starts_that_make_no_study(more, message):
    with pytest.raises(ValueError, match=message):
        study_from(values("m:f") | more)


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ("net.py:Missing", r"start\.mine: net\.py:Missing: net has no 'Missing'"),
        (
            "best.pth@net.py:wider",
            r"start\.mine: best\.pth does not fit Net, nothing was loaded; of another shape: body",
        ),
        ("net.py:detached", r"start\.mine: Cut cannot be trained, no weight of it gets a gradient"),
        ("net.py:no_weights", r"start\.mine: Mean calls no nn\.Linear whose input could be the embedding"),
        ("net.py:lazy", r"start\.mine: Sequential has weights without a size \(2\.weight, 2\.bias\): call it once on"),
        (
            "net.py:only_eval",
            r"start\.mine: OnlyEval cannot be trained, in training mode it raises RuntimeError: never",
        ),
        ("net.py:probabilities", r"start\.mine: Sequential returns probabilities"),
        ("net.py:colour", r"start\.mine: Sequential does not accept images of shape \(1, 8, 8\).*--channels 3"),
    ],
)
def test_networks_that_cannot_be_trained(here, load, message):
    with pytest.raises(ValueError, match=message):
        made(load)
    assert not list((here / "out").glob("models/*")), "refused before anything is trained"


def test_a_backbone_is_refused_on_the_command_line(here, capsys):
    for option in (["--model", "resnet"], ["--model.width", "8"]):
        assert main(["study", "digits", "--start", f"mine={MINE}", *option]) == 1
        assert f"{option[0]} changes nothing: every method trains 'mine' (--start)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["--start", "a=m:f", "--methods", "at"], {"a": {"load": "m:f"}}),
        (["--start=a=w.pth@m:Net", "--head", "fc"], {"a": {"load": "w.pth@m:Net", "head": "fc"}}),
    ],
)
def test_the_start_on_the_command_line(words, start):
    found, _ = with_given({"methods": ["tla"]}, words)
    assert found == {"methods": ["tla"], "start": start}


def test_start_and_given_together():
    found, _ = with_given({"methods": ["tla"]}, ["--start", "a=m:f", "--given", "b=m:g"])
    assert found == {"methods": ["tla"], "start": {"a": {"load": "m:f"}}, "given": {"b": {"load": "m:g"}}}
    found, _ = with_given({"methods": ["tla"], "start": {"old": {"load": "x:y"}}}, ["--start", "a=m:f"])
    assert found["start"] == {"a": {"load": "m:f"}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--start"], "--start needs a name and a model, as in --start mine=mypkg"),
        (["--start", "best.pth@net.py:Net"], "--start must be NAME=MODEL"),
        (["--start", "a=m:f", "b=m:g"], "--start must be one model, that every method trains further, got a, b"),
    ],
)
def test_words_that_give_no_start(words, message):
    with pytest.raises(ValueError, match=message):
        with_given({"methods": ["tla"]}, words)


def test_a_recipe_keeps_its_start():
    study = study_from(values("m:f"))
    assert isinstance(study, Study)
    assert study_from(study_values(study)) == study


def test_training_takes_a_start_in_python(here, tmp_path):
    from tla.training import METHODS, TrainConfig, train

    images = SOURCES.build("digits").load().train.subset(torch.arange(200))
    start = tla.start_from(tla.load_user_model("net.py:Net").module, shape=(1, 8, 8), classes=10)
    assert isinstance(start, Start)
    config = TrainConfig(epochs=1, batch=50, holdout=50, eps=0.1, precision="fp32")
    result = train(start, images, METHODS.build("at"), config, seed=0, folder=tmp_path / "run")
    again = load_model(result.path, start).model
    x = images.floats(slice(9))
    stored = result.model.state_dict()
    assert all(torch.equal(weight, stored[name]) for name, weight in again.state_dict().items())
    assert torch.allclose(again(x).logits, result.model(x).logits, atol=1e-6), "alike but for the layout of the weights"
    changed = tla.start_from(tla.load_user_model("net.py:unseeded").module, shape=(1, 8, 8), classes=10)
    with pytest.raises(ValueError, match=r"belongs to another run \(.*start was"):
        train(changed, images, METHODS.build("at"), config, seed=0, folder=tmp_path / "run")
