"""A tiny study, from images to a report, and what a second run does."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from small_study import SMALL, SUITE, small

from tla.cli import main
from tla.cli.study_verb import already_done
from tla.config import to_dict
from tla.data import SOURCES
from tla.files import FolderInUseError
from tla.statistics import main_eps
from tla.store import DamagedFileError, Store
from tla.study import recipes, run_study, study_from
from tla.study.attack import _between, _shorter
from tla.study.config import study_values


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "small"
    events = []
    return run_study(small(), folder, progress=events.append, request="request"), events


def states(events):
    return {item.step: item.state for item in events}


def test_every_step_writes_its_tables_and_files(finished):
    store, events = finished
    assert set(states(events).values()) == {"done"}
    assert events[-1].done == pytest.approx(1.0)
    assert {"attacks", "shift", "map", "detection", "neighbours", "retrieval", "history", "trajectory"} <= set(
        store.tables()
    )
    manifest = store.manifest()
    assert manifest["complete"] == "request"
    for step in manifest["steps"].values():
        for name, facts in step["files"].items():
            assert (store.path / name).stat().st_size == facts["bytes"]
            assert len(facts["sha256"]) == 64
    assert (store.path / "report.html").stat().st_size > 100_000


def test_tables_have_the_documented_columns(finished):
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    store, _ = finished
    for table in ("attacks", "shift", "map", "detection", "neighbours", "retrieval", "history"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{table}`")]
        words = set(
            line.replace(",", " ").replace(";", " ").replace("(", " ").replace(")", " ").replace(".", " ").split()
        )
        documented = {column for column in store.table(table).columns if column in words}
        rest = set(store.table(table).columns) - documented - {"method", "seed"}
        assert not rest or table == "history", f"{table}: undocumented columns {rest}"


def test_clean_errors_count_as_fooled(finished):
    frame = finished[0].table("attacks")
    wrong = frame[frame.clean_prediction != frame.y]
    assert wrong.success.all()
    clean = frame[frame.attack == "clean"]
    assert (clean.success == (clean.prediction != clean.y)).all()
    assert (clean.eps == 0).all()


def test_the_main_attack_is_run_below_eps_too(finished):
    """Accuracy against eps has points between 0 and eps; what is compared stays the study's eps."""
    frame = finished[0].table("attacks")
    radii = sorted(float(eps) for eps in frame.loc[frame.attack == "pgd", "eps"].unique())
    assert radii == pytest.approx([0.0375, 0.075, 0.1125, 0.15, 0.2])
    assert frame.loc[frame.attack == "fgsm", "eps"].nunique() == 1
    assert main_eps(frame) == pytest.approx(0.15)
    below = frame[np.isclose(frame.eps, 0.0375)]
    assert (below.distance <= 0.0375 * (1 + 1e-6)).all()
    assert len(below) == 2 * 60
    alone = replace(small().attack, suite={"pgd": small().attack.suite["pgd"]})
    assert _between(alone, large=False) == []
    assert _between(small().attack, large=True) == []
    assert _between(replace(small().attack, detection_eps=()), large=False) == []
    assert _between(replace(small().attack, detection_eps=(0.075, 0.2)), large=False) == pytest.approx([0.0375, 0.1125])


def test_steps_below_eps_are_shorter_in_proportion():
    plan = small().resolved().attack
    plan = replace(plan, suite={"pgd": replace(plan.suite["pgd"], step_size=0.03), "fgsm": plan.suite["fgsm"]})
    assert _shorter(plan, 0.075).step_size == pytest.approx(0.015)
    assert _shorter(replace(plan, main="fgsm"), 0.075) == plan.suite["fgsm"]


def test_stored_images_are_within_eps(finished):
    store, _ = finished
    clean = torch.from_numpy(store.arrays("images")["test"]).float() / 255
    images = store.arrays("adversarial/tla-seed0")
    assert set(images) == {"pgd@0.15", "pgd@0.2"}
    for name, array in images.items():
        moved = torch.from_numpy(array)
        assert float((moved - clean).abs().max()) <= float(name.split("@")[1]) * (1 + 1e-6)
        assert float(moved.min()) >= 0
        assert float(moved.max()) <= 1


def test_a_second_run_does_nothing(finished):
    store, _ = finished
    events = []
    run_study(small(), store.path, progress=events.append, request="request")
    assert set(states(events).values()) == {"skipped"}


def test_a_changed_value_redoes_what_depends_on_it(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    events = []
    changed = small(analysis={**SMALL["analysis"], "neighbours": 5})
    run_study(changed, folder, progress=events.append)
    state = states(events)
    assert state["train/tla-seed0"] == state["attack/tla-seed0"] == state["data"] == "skipped"
    assert state["analyse/tla-seed0"] == state["tables"] == state["report"] == "done"
    assert Store(folder).table("neighbours")["rank"].max() == 5


def test_a_removed_method_disappears_from_the_tables(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    events = []
    run_study(small(methods=["natural"]), folder, progress=events.append)
    assert states(events)["train/natural-seed0"] == "skipped"
    assert set(Store(folder).table("attacks").method) == {"natural"}
    assert finished[0].has_table("transfer")
    assert not Store(folder).has_table("transfer"), "no other model is left to attack this one"
    assert (folder / "models" / "tla-seed0" / "model.safetensors").exists()


def test_values_survive_toml(finished):
    import tomllib

    store, _ = finished
    values = tomllib.loads((store.path / "study.toml").read_text())
    assert study_from(values) == small()
    assert study_values(study_from(values)) == study_values(small())


def test_a_damaged_manifest_is_reported_and_left_alone(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    (folder / "manifest.json").write_text("{broken")
    with pytest.raises(DamagedFileError, match=r"manifest\.json: the manifest is damaged .* nothing was overwritten"):
        run_study(small(), folder)
    assert (folder / "manifest.json").read_text() == "{broken"


def test_a_damaged_table_is_reported(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    (folder / "tables" / "shift.parquet").write_bytes(b"no parquet")
    with pytest.raises(DamagedFileError, match=r"shift\.parquet is not the file that this study wrote"):
        Store(folder).table("shift")


def test_a_damaged_file_of_equal_size_is_rebuilt_and_said(finished, tmp_path, capsys):
    """`study` once said "Nothing to do" over a flipped byte."""
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    file = folder / "arrays" / "images.safetensors"
    before, content = file.read_bytes(), bytearray(file.read_bytes())
    content[-5] ^= 0xFF
    file.write_bytes(content)
    assert already_done(folder, "request", None) is None
    assert main(["report", str(folder)]) == 1
    assert "not the files that this study wrote: arrays/images.safetensors; nothing was over" in capsys.readouterr().err
    events = []
    run_study(small(), folder, progress=events.append, request="request")
    assert file.read_bytes() == before
    (done,) = (item for item in events if item.step == "data" and item.state == "done")
    assert done.message.endswith("repeated: arrays/images.safetensors is not the file that was written")
    assert already_done(folder, "request", None).startswith("Nothing to do")
    assert main(["report", str(folder)]) == 0
    assert already_done(folder, "request", None).startswith("Nothing to do")


def test_changed_pictures_are_something_to_do(finished, tmp_path):
    """`study` once said "Nothing to do" although the folder of pictures had changed."""
    assert finished[0].manifest()["listing"] == "", "the digits have no files"
    pictures, store = tmp_path / "pictures", Store(tmp_path / "study")
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (pictures / name).write_bytes(b"png")
    source = SOURCES.build("folder", path=str(pictures))
    store.note(complete="request", study={"source": to_dict(source)}, listing=source.listing(None))
    assert already_done(store.path, "request", None).startswith("Nothing to do")
    for change in (
        lambda: (pictures / "b" / "1.png").write_bytes(b"gnp"),
        lambda: (pictures / "b" / "2.png").write_bytes(b"png"),
        lambda: (pictures / "a").rename(pictures / "c"),
        lambda: shutil.rmtree(pictures),
    ):
        change()
        assert already_done(store.path, "request", None) is None
        store.note(listing=source.listing(None) or "another")
    store.note(complete="request", study={"source": to_dict(source)}, listing=None)
    assert already_done(store.path, "request", None) is None, "made before listings were kept"


def test_changed_files_of_ones_own_are_something_to_do(tmp_path):
    """Tables, arrays and names of classes changed unseen; what a function returns only reading can tell."""
    store, pictures, table = Store(tmp_path / "study"), tmp_path / "pictures", tmp_path / "table.csv"
    pictures.mkdir()
    for name in ("1.png", "2.png"):
        (pictures / name).write_bytes(b"png")
    table.write_text("file,label\npictures/1.png,0\npictures/2.png,1\n")
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    np.savez(tmp_path / "arrays.npz", x=np.zeros((2, 4, 4), np.uint8), y=np.arange(2))
    listed = {
        "csv": SOURCES.build("csv", path=str(table), classes="names.txt"),
        "npz": SOURCES.build("npz", path=str(tmp_path / "arrays.npz"), classes="names.txt"),
        "folder": SOURCES.build("folder", path=str(pictures), classes=str(names)),
    }
    changes = {
        "csv": [lambda: table.write_text("file,label\npictures/1.png,1\npictures/2.png,1\n"),
                lambda: (pictures / "2.png").write_bytes(b"gnp"), table.unlink],
        "npz": [lambda: np.savez(tmp_path / "arrays.npz", x=np.ones((2, 4, 4), np.uint8), y=np.arange(2))],
        "folder": [lambda: names.write_text("dog\ncat\n")],
    }  # fmt: skip
    for kind, source in listed.items():
        for change in changes[kind]:
            store.note(complete="request", study={"source": to_dict(source)}, listing=source.listing(None))
            assert already_done(store.path, "request", None).startswith("Nothing to do"), kind
            change()
            assert already_done(store.path, "request", None) is None, kind
    source = SOURCES.build("python", function="mypkg.data:make")
    store.note(complete="request", study={"source": to_dict(source)}, listing=source.listing(None))
    assert already_done(store.path, "request", None) is None


def test_weights_of_another_method_are_refused(finished, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    shutil.copy(folder / "models/natural-seed0/model.safetensors", folder / "models/tla-seed0/model.safetensors")
    assert main(["attack", f"{folder}:tla", "--examples", "5", "--out", str(tmp_path / "out")]) == 1
    assert "models/tla-seed0/model.safetensors is not the file that this study wrote" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_studies_in_one_folder_are_refused_by_name(finished, tmp_path):
    """Two recipes once ended "complete", with the settings of one and the tables of the other."""
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    before = (folder / "manifest.json").read_bytes()
    hold = f"from pathlib import Path; from tla.files import held\nwith held(Path({str(folder)!r})): print(1); input()"
    command = [sys.executable, "-c", hold]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "1\n"
        with pytest.raises(
            FolderInUseError, match=rf"is being written by process {other.pid} on .* since 20\d\d-.*--out"
        ):
            run_study(small(methods=["natural"]), folder)
        assert (folder / "manifest.json").read_bytes() == before
        other.kill()
    run_study(small(), folder, request="request")
    assert not (folder / ".holder.json").exists()


def test_a_missing_file_is_rebuilt(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished[0].path, folder)
    (folder / "report.html").unlink()
    events = []
    run_study(small(), folder, progress=events.append)
    assert states(events)["report"] == "done"
    assert states(events)["train/tla-seed0"] == "skipped"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"methods": ["tal"]}, r"unknown method 'tal'; did you mean 'tla'\?"),
        ({"methods": []}, "methods must name at least one method"),
        ({"seeds": [0, 0]}, "seeds must be different"),
        ({"attack": {"eps": -1.0}}, "eps must be >= 0 and finite, got -1.0"),
        ({"attack": {"eps": 0.1, "train_eps": -1.0}}, "eps must be >= 0 and finite, got -1.0"),
        (
            {"train": {"eps": 0.2}},
            r"train\.eps is 0\.2, but a study trains at attack\.eps = 0\.15; set attack\.train_eps",
        ),
        ({"attack": {"stpes": 3}}, r"attack\.stpes: unknown key"),
        ({"attack": {"suite": {"pgd": {"name": "pgd", "stpes": 7}}}}, r"stpes.*did you mean 'steps'\?"),
        ({"attack": {"suite": {"pgd": {"name": "pgd", "steps": 0}}}}, "steps must be >= 1, got 0"),
        ({"attack": {"suite": {"pgd": {"name": "pgdd"}}}}, r"unknown attack 'pgdd'; did you mean 'pgd'\?"),
        ({"source": {"name": "digit"}}, r"unknown data set 'digit'; did you mean 'digits'\?"),
        ({"model": {"name": "small_cn"}}, r"unknown model 'small_cn'; did you mean 'small_cnn'\?"),
        ({"method": {"tla": {"lambda": 1.0}}}, "lambda"),
        ({"attack": {"main": "cw", "suite": SUITE}}, "attack.main 'cw' is not in the suite"),
        ({"analysis": {"neighbours": 0}}, r"analysis\.neighbours must be >= 1"),
    ],
)
def test_recipes_are_strict(values, text):
    with pytest.raises(ValueError, match=text):
        study_from(recipes.read("digits") | values)


def test_a_recipe_file_that_is_not_toml(tmp_path):
    (tmp_path / "mine.toml").write_text("epochs = = 3")
    with pytest.raises(ValueError, match=r"mine\.toml: not valid TOML"):
        recipes.read(str(tmp_path / "mine.toml"))


def test_a_recipe_can_build_on_another(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "digits"\n[attack]\neps = 0.1\n')
    study = study_from(recipes.read(str(tmp_path / "mine.toml")))
    assert study.attack.eps == study.train.eps == 0.1
    assert "pgd" in study.attack.suite


@pytest.mark.parametrize("name", sorted(recipes.shipped()))
def test_shipped_recipes_are_valid(name):
    values = recipes.read(name)
    if name == "folder":
        values["source"] = {"name": "folder", "path": "somewhere"}
    assert study_from(values).name


def test_command_line_overrides():
    from tla.cli.settings import overridden

    study = overridden(small(), ["--methods", "at", "tla", "--attack.eps", "0.1", "--train.attack.steps", "9"])
    assert study.methods == ("at", "tla")
    assert study.attack.eps == study.train.eps == 0.1
    assert study.train.attack.steps == 9
    wider = overridden(small(), ["--attack.eps", "0.1", "--attack.train-eps", "0.12"])
    assert (wider.attack.threat.eps, wider.train.eps) == (0.1, 0.12)
    assert study_from(study_values(wider)) == wider
    with pytest.raises(ValueError, match=r"--train\.eps: set --attack\.eps, or --attack\.train-eps for training only"):
        overridden(small(), ["--train.eps", "0.1"])


def test_unknown_override_gets_a_hint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["study", "digits", "--attack.epss", "0.1"]) == 1
    assert "unknown setting --attack.epss; did you mean 'attack.eps'?" in capsys.readouterr().err


WORDS = [
    "study", "digits", "--methods", "at", "--train.epochs", "8", "--train.holdout", "100", "--attack.examples", "40",
    "--analysis.map-points", "20", "--analysis.gallery", "200", "--analysis.trajectories", "0",
    "--analysis.projection", "pca", "--analysis.no-audit", "--train.precision", "fp32",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.more
def test_a_killed_run_resumes_with_the_same_weights(tmp_path):
    """After kill -9 during training, the same command gives the weights of an uninterrupted run."""
    for name in ("whole", "cut"):
        command = [sys.executable, "-m", "tla.cli", *WORDS, "--out", str(tmp_path / name)]
        if name == "cut":
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            log = tmp_path / name / "models" / "at-seed0" / "log.jsonl"
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and not (log.exists() and log.read_text().count("\n") >= 2):
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert "train/at-seed0" not in Store(tmp_path / name).manifest()["steps"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole, cut = (tmp_path / name / "models/at-seed0/model.safetensors" for name in ("whole", "cut"))
    from safetensors.torch import load_file

    first, second = load_file(whole), load_file(cut)
    assert all(torch.equal(first[name], second[name]) for name in first)
    frames = [pd.read_parquet(tmp_path / name / "tables" / "attacks.parquet") for name in ("whole", "cut")]
    pd.testing.assert_frame_equal(*frames)


def test_progress_is_written_for_other_processes(finished):
    store, _ = finished
    last = json.loads((store.path / "progress.json").read_text())
    assert last["done"] == pytest.approx(1.0)
    assert last["state"] in ("done", "skipped")


def test_time_and_progress_of_a_run_that_goes_on_are_those_of_all_runs(tmp_path):
    plan = small(methods=["at"], seeds=[0])
    plan = replace(plan, train=replace(plan.train, epochs=4), attack=replace(plan.attack, batch=10))
    for step, message in (("train/at-seed0", "epoch 3/4"), ("attack/at-seed0", "pgd ")):

        def stop(now, step=step, message=message):
            if now.step == step and message in now.message and not now.resumed:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_study(plan, tmp_path, progress=stop)
    events = []
    store = run_study(plan, tmp_path, progress=events.append)
    attacked = [now for now in events if now.step == "attack/at-seed0"]
    assert [now.resumed for now in attacked[:3]] == [False, True, True]  # it begins; two attacks on the first batch
    there = [now for now in events if now.state == "skipped"]
    assert [now.step for now in there] == ["data", "train/at-seed0"]
    assert there[0].done == there[1].done == attacked[0].done  # both count from the start
    steps = store.manifest()["steps"]
    trained, attack = (steps[f"{kind}/at-seed0"]["facts"]["seconds"] for kind in ("train", "attack"))
    assert trained >= store.table("history")["seconds"].sum() - 0.01
    assert attack >= sum(steps["attack/at-seed0"]["facts"]["attack_seconds"].values()) - 0.02
