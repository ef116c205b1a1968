"""A study on several workers: the same results as on one, whatever happens to a worker."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest
import torch
from served import benchmark

from tla.cli import main
from tla.study import run_study, study_from, workers
from tla.study.progress import ProgressReporter
from tla.study.workers import Workers, useful_workers
from tla.study.workspace import StepResult, StudyStep

RECIPE = """
base = "digits"
name = "small"
methods = ["natural", "at", "tla"]
[train]
epochs = 2
[attack]
examples = 60
batch = 60
detection_eps = []
[analysis]
map_points = 60
projection = "pca"
adaptive = []
layers = false
ranking = 10
"""
differences = benchmark("workers").differences


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(RECIPE)
    return file


@pytest.fixture
def one_thread(monkeypatch):
    """Each of two workers computes with one thread, as this process does in every test."""
    assert torch.get_num_threads() == 1
    monkeypatch.setattr(workers, "cores", lambda: 2)


def study(recipe):
    from tla.study import recipes

    return study_from(recipes.read(str(recipe)))


def step(name, weight=1.0, after=(), *, apart=True):
    return StudyStep(name, name, float(weight), lambda report: StepResult([]), tuple(after), apart)


def assert_same(one, other):
    """Tables, arrays and weights of two finished studies are the same bit for bit, but for the times."""
    assert len(list(one.path.rglob("*.safetensors"))) > 9
    assert len(one.tables()) > 9
    assert differences(one.path, other.path) == []
    assert one.manifest()["steps"].keys() == other.manifest()["steps"].keys()


@pytest.mark.more
def test_two_workers_compute_what_one_process_does(recipe, tmp_path, one_thread):
    seen = []
    two = run_study(study(recipe), tmp_path / "two", workers=Workers(count=2), progress=seen.append)
    one = run_study(study(recipe), tmp_path / "one")
    assert_same(one, two)
    assert {report.state for report in seen} == {"running", "done"}
    assert seen[-1].done == pytest.approx(1)
    assert max(report.done for report in seen) <= 1
    assert len({report.step for report in seen if report.state == "done"}) == len(two.manifest()["steps"])
    assert two.manifest()["hardware"]["threads"] == 1
    again = []
    run_study(study(recipe), tmp_path / "two", workers=Workers(count=2), progress=again.append)
    assert {report.state for report in again} == {"skipped"}, "nothing is done twice, and no worker is started"


@pytest.mark.more
def test_a_killed_worker_loses_only_its_step(recipe, tmp_path, one_thread):
    killed, done = [], []

    def watch(report):
        if report.state == "done":
            done.append(report.step)
        if report.step.startswith("attack/") and report.state == "running" and not killed:
            killed.append(max(children(), key=lambda process: process.cpu_times().user))
            killed[0].kill()

    two = run_study(study(recipe), tmp_path / "two", workers=Workers(count=2), progress=watch)
    assert killed
    assert sorted(set(done)) == sorted(done), "no finished step ran again"
    assert_same(run_study(study(recipe), tmp_path / "one"), two)
    assert not [process for process in children() if process.is_running() and process.status() != "zombie"]


def children():
    """The workers of this process."""
    found = psutil.Process().children(recursive=True)
    return [process for process in found if "spawn_main" in " ".join(process.cmdline())]


@pytest.mark.more
def test_a_cluster_that_is_there_already_is_used(recipe, tmp_path, one_thread):
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        two = run_study(study(recipe), tmp_path / "two", workers=Workers(scheduler=address))
        assert_same(run_study(study(recipe), tmp_path / "one"), two)
        assert len(cluster.scheduler.workers) == 2, "it goes on"


@pytest.mark.more
def test_ctrl_c_ends_all_and_the_next_call_goes_on(recipe, tmp_path):
    words = [sys.executable, "-m", "tla", "study", str(recipe), "--out", str(tmp_path / "s"), "--workers", "2"]
    words += ["--train.epochs", "60"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((tmp_path / "s").glob("models/*/train.pt")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    group = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "interrupted; finished work is kept" in out
    assert "Traceback" not in out
    _, alive = psutil.wait_procs(group, timeout=20)
    assert not alive
    assert (
        main(["study", str(recipe), "--out", str(tmp_path / "s"), "--train.epochs", "60", "--methods", "natural"]) == 0
    )


def test_a_scheduler_that_does_not_answer_is_named(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(workers, "ANSWER_S", 1.0)
    assert main(["study", str(recipe), "--out", str(tmp_path / "s"), "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "no scheduler with a worker answered at tcp://127.0.0.1:9" in capsys.readouterr().err


def test_a_number_of_workers_is_checked(recipe, tmp_path, capsys):
    for word, said in (("0", "workers must be >= 1, got 0"), ("two", "--workers must be a whole number >= 1, or auto")):
        assert main(["study", str(recipe), "--out", str(tmp_path / "s"), "--workers", word]) == 1
        assert said in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_workers_of_another_version_or_without_the_folder_are_refused(tmp_path):
    def client(**changes):
        facts = workers._facts(str(tmp_path)) | {"sees": True}
        facts["versions"] = facts["versions"] | changes.pop("versions", {})
        return SimpleNamespace(run=lambda function, folder: {"tcp://there:1": facts | changes})

    folder = str(tmp_path)
    workers._check(client(), folder)
    with pytest.raises(ValueError, match=r"worker tcp://there:1 has torch 1\.0, this process .*; install the same"):
        workers._check(client(versions={"torch": "1.0"}), folder)
    with pytest.raises(ValueError, match=r"tcp://there:1 does not see the study folder .*on a disk that all of them"):
        workers._check(client(sees=False), folder)


def test_a_worker_that_ends_again_and_again_is_explained():
    class KilledWorker(Exception):
        pass

    said = str(workers._named(step("attack/at-seed0"), KilledWorker()))
    assert said.startswith("attack/at-seed0: the worker that ran it ended again and again")
    assert "finished steps are kept" in said
    error = ValueError("bad")
    assert workers._named(step("x"), error) is error


def test_the_longest_way_is_begun_first():
    chain = [step("train/a", 5), step("train/b", 1), step("attack/a", 2, ["train/a"]), step("attack/b", 9, ["train/b"])]
    heavy = workers._heaviness([*chain, step("all", 1, ["attack/a", "attack/b"])])
    assert heavy == {"all": 1, "attack/a": 3, "attack/b": 10, "train/a": 8, "train/b": 11}


@pytest.mark.parametrize(
    ("count", "models", "cores", "expected"), [(2, 6, 2, 1), (2, 6, 8, 4), (8, 2, 8, 4), (3, 1, 8, 8), (9, 9, 4, 1)]
)
def test_threads_depend_on_the_study_alone(count, models, cores, expected, monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: cores)
    assert Workers(count=count).threads(models) == expected
    assert Workers(scheduler="tcp://there:1").threads(models) is None


@pytest.mark.parametrize(
    ("models", "cores", "gpus", "gib", "expected"),
    [(6, 2, 0, 20, 2), (1, 8, 0, 20, 1), (6, 16, 0, 7, 2), (6, 16, 0, 1, 1), (3, 8, 0, 90, 3), (6, 16, 4, 90, 4)],
)
def test_how_many_workers_pay(models, cores, gpus, gib, expected, monkeypatch):
    monkeypatch.setattr(workers, "cores", lambda: cores)
    monkeypatch.setattr(workers, "free_gib", lambda: gib)
    monkeypatch.setattr(workers, "choose_device", lambda: torch.device("cuda" if gpus else "cpu"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert useful_workers(models) == expected


def test_progress_of_several_steps_adds_up(tmp_path):
    seen = []
    reporter = ProgressReporter(tmp_path, {"a": 1.0, "b": 3.0}, seen.append)
    for said in (("a", "running", 0.5), ("b", "running", 0.5), ("a", "done"), ("a", "running", 0.9), ("b", "done")):
        reporter.report(*said)
    assert [round(report.done, 4) for report in seen] == [0.125, 0.5, 0.625, 1.0]


def test_every_step_of_a_study_can_be_handed_out(recipe, tmp_path):
    from tla.store import Store
    from tla.study.run import plan
    from tla.study.workspace import Workspace

    steps = plan(Workspace(study(recipe), Store(tmp_path)))
    known = set()
    for one in steps:
        assert set(one.after) <= known, f"{one.name} comes before what it needs"
        known.add(one.name)
    apart = [one.name for one in steps if one.apart]
    assert len(apart) == 3 * 6 + 1
    assert {one.name for one in steps} - set(apart) == {"data", "transfer", "tables", "report"}
