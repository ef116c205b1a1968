"""The bar for long work: shares, words, and the time left."""

import io
import json
import shutil
from typing import NamedTuple

import pytest
import torch
from rich.console import Console
from training_small import few_digits

import tla
from tla import pace
from tla.audit import AuditProgress, run_audit
from tla.cli import main
from tla.cli.progress import StudyBar
from tla.pace import Stages, in_words
from tla.progress import ProgressBar, TimeLeft
from tla.study.locate import shipped_studies
from tla.study.progress import ProgressReporter, StudyProgress
from tla.training import TrainConfig


class Now(NamedTuple):
    share: float
    text: str = "working"


@pytest.fixture
def clock(monkeypatch):
    """Sets the time."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=True, width=100)


def left(bar):
    return TimeLeft().render(bar._bar.tasks[0]).plain


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0 s"), (8.4, "8 s"), (99.0, "99 s"), (150.0, "2 min"), (3600.0, "60 min"), (9000.0, "2.5 h")],
)
def test_a_time_in_words(seconds, words):
    assert in_words(seconds) == words


def test_the_time_left_is_what_the_rest_takes_at_the_speed_so_far(clock, console):
    bar = ProgressBar(console=console)
    bar(Now(0.0))
    assert left(bar) == ""
    clock[0] += 10
    bar(Now(0.25))
    assert left(bar) == "30 s left"
    clock[0] += 12
    bar(Now(0.25, "the next step, as far as before"))
    assert left(bar) == "18 s left"
    clock[0] += 19  # later than estimated: nothing is known
    assert left(bar) == ""


def test_what_an_earlier_run_finished_does_not_count_as_speed(clock, console):
    bar = StudyBar(console=console)
    bar(StudyProgress("data", "skipped", 0.5, "already there"))
    bar(StudyProgress("train/at-seed0", "running", 0.5, "epoch 1/4"))
    clock[0] += 20
    bar(StudyProgress("train/at-seed0", "running", 0.6, "epoch 1/4"))
    assert left(bar) == "80 s left"


def test_nothing_is_estimated_from_less_than_a_second(clock, console):
    bar = ProgressBar(console=console)
    bar(Now(0.0))
    clock[0] += 0.2
    bar(Now(0.5))
    assert left(bar) == ""
    clock[0] += 1.8
    bar(Now(0.6))
    assert left(bar) == "1 s left"


def test_the_next_piece_of_work_has_its_own_clock(clock, console):
    bar = ProgressBar("eps 0.1", console=console)
    bar(Now(0.0))
    clock[0] += 100
    bar(Now(1.0))
    bar.title = "eps 0.2"
    bar(Now(0.0))
    clock[0] += 5
    bar(Now(0.5, "pgd"))
    assert left(bar) == "5 s left"
    assert bar._bar.tasks[0].description == "eps 0.2  pgd"


def test_a_study_tells_other_processes_how_long_it_takes(clock, tmp_path):
    reporter = ProgressReporter(tmp_path, {"data": 1.0, "train/a": 3.0})
    reporter.report("data", "skipped", 1.0, "already there")
    reporter.report("train/a", "running", 0.0)
    clock[0] += 10
    reporter.report("train/a", "running", 1 / 3)
    assert json.loads((tmp_path / "progress.json").read_text())["left"] == pytest.approx(20)


def test_other_processes_see_a_step_as_soon_as_it_begins(clock, tmp_path):
    reporter = ProgressReporter(tmp_path, {"a": 1.0, "b": 1.0})
    for said in (("a", "skipped"), ("b", "running"), ("b", "running", 0.1)):
        reporter.report(*said)
    written = json.loads((tmp_path / "progress.json").read_text())
    assert (written["step"], written["done"]) == ("b", 0.5)


def test_what_is_there_counts_before_its_turn_comes(clock, tmp_path):
    seen = []
    reporter = ProgressReporter(tmp_path, {"a": 1.0, "b": 8.0, "c": 1.0}, seen.append, there=["b"])
    reporter.report("a", "running", 0.0)
    clock[0] += 10
    reporter.report("a", "done")
    assert (seen[-1].done, seen[-1].left) == (pytest.approx(0.9), pytest.approx(10))
    clock[0] += 1
    reporter.report("b", "skipped", message="already there")  # and nothing is forgotten about the pace
    assert (seen[-1].done, seen[-1].left) == (pytest.approx(0.9), pytest.approx(9))
    clock[0] += 5
    reporter.report("c", "running", 0.5)
    assert seen[-1].left == pytest.approx(16 * 0.05 / 0.15)


def test_what_has_to_be_repeated_is_there_no_more(tmp_path):
    seen = []
    reporter = ProgressReporter(tmp_path, {"a": 1.0, "b": 3.0}, seen.append, there=["a", "b"])
    for said in (("a", "skipped"), ("b", "running"), ("b", "done")):
        reporter.report(*said)
    assert [report.done for report in seen] == [1.0, 0.25, 1.0]


def test_a_step_that_goes_on_counts_from_where_it_was(clock, tmp_path):
    seen = []
    reporter = ProgressReporter(tmp_path, {"a": 1.0, "b": 1.0}, seen.append)
    reporter.report("a", "running", 0.0)
    clock[0] += 20
    reporter.report("a", "done")
    reporter.report("b", "running", 0.0)
    reporter.report("b", "running", 0.8, resumed=True)
    clock[0] += 1
    reporter.report("b", "running", 0.85)
    assert seen[-1].left == pytest.approx(21 * 0.075 / 0.525)


def test_a_training_that_goes_on_says_so_first(tmp_path, monkeypatch):
    images, method = few_digits(), tla.METHODS.build("natural")
    config = TrainConfig(epochs=4, batch=50, holdout=20, attack=tla.PGD(steps=1), eps=0.1)
    network = tla.MODELS.build("mnist_mlp")

    def stop(now):
        if now.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tla.train(network, images, method, config, seed=0, folder=tmp_path, progress=stop)
    seen = []
    tla.train(network, images, method, config, seed=0, folder=tmp_path, progress=seen.append)
    assert (seen[0].resumed, seen[0].share, seen[0].text) == (True, 0.75, "epoch 4/4, resumed")
    assert not any(now.resumed for now in seen[1:])


def test_batches_that_an_earlier_evaluation_finished_are_no_speed(tmp_path):
    images = few_digits(60)
    model = tla.build_model(tla.MODELS.build("mnist_mlp"), images.shape, 10, 0).eval()
    x, y = images.floats(), images.labels
    cache, threat, seen = tla.attacks.CacheFolder(tmp_path), tla.Threat("linf", 0.1), []
    tla.evaluate(model, x, y, {"fgsm": tla.FGSM()}, threat, batch=20, cache=cache)
    attacks = {"fgsm": tla.FGSM(), "pgd": tla.PGD(steps=2)}
    tla.evaluate(model, x, y, attacks, threat, batch=20, cache=cache, progress=seen.append)
    assert [(now.attack, now.resumed) for now in seen] == [("fgsm", True), ("pgd", False)] * 3


def test_in_a_file_it_leaves_nothing_but_the_lines():
    file = io.StringIO()
    with ProgressBar("auditing", console=Console(file=file)) as bar:
        bar(Now(0.5, "ball (1/2)"))
        bar.print("one line")
    assert file.getvalue() == "one line\n"


def test_it_is_drawn_and_disappears(console):
    with ProgressBar("auditing", console=console) as bar:
        bar(Now(0.5, "ball (1/2)"))
        bar._bar.refresh()
    text = console.file.getvalue()
    assert "auditing  ball (1/2)" in text
    assert "50%" in text
    assert text.endswith("\x1b[2K")  # the last that is written is an erased line


def test_a_study_shows_every_running_step_and_prints_the_finished(console):
    with StudyBar(console=console) as bar:
        bar(StudyProgress("train/a", "running", 0.1, "epoch 1"))
        bar(StudyProgress("train/b", "running", 0.2, "epoch 2"))
        assert [line.split()[0] for line in bar._bar.tasks[0].description.splitlines()] == ["train/a", "train/b"]
        bar(StudyProgress("train/a", "done", 0.5, "90 %"))
        assert bar._bar.tasks[0].description.split()[0] == "train/b"
    assert "train/a" in console.file.getvalue()


def test_training_evaluation_and_audit_are_shown(tmp_path, console):
    images = few_digits()
    model = tla.build_model(tla.MODELS.build("mnist_mlp"), images.shape, 10, 0)
    shares = []

    class Seen(ProgressBar):
        def __call__(self, now):
            super().__call__(now)
            shares.append(now.share)

    with Seen(console=console) as bar:
        config = TrainConfig(epochs=2, batch=50, holdout=20, attack=tla.PGD(steps=1), eps=0.1)
        trained = tla.train(model, images, tla.METHODS.build("at"), config, seed=0, folder=tmp_path, progress=bar).model
        assert shares == sorted(shares)
        assert shares[-1] == 1
        shares.clear()
        x, y = images.floats()[:40], images.labels[:40]
        tla.evaluate(
            trained, x, y, {"fgsm": tla.FGSM(), "pgd": tla.PGD(steps=2)}, tla.Threat("linf", 0.1), progress=bar
        )
        assert shares[-1] == 1
        shares.clear()
        run_audit(trained, x, y, tla.Threat("linf", 0.1), progress=bar)
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0, 1)


@pytest.mark.slow
@pytest.mark.more
def test_an_audits_share_is_that_of_the_work(tmp_path):
    images = few_digits(60)
    torch.manual_seed(0)
    model = tla.build_model(tla.MODELS.build("mnist_mlp"), images.shape, 10, 0).eval()
    seen: list[AuditProgress] = []
    run_audit(
        model, images.floats(), images.labels, tla.Threat("linf", 0.05), level="standard", n=30, progress=seen.append
    )
    after = {now.check: now.share for now in seen}
    assert after["doubling"] < 0.3
    assert after["unbounded"] - after["doubling"] > 0.3  # more than a third of the passes are those of twice the steps
    assert seen[0].text == "eval_mode (0/22)"


@pytest.mark.parametrize(
    "words",
    [
        ["report", "{study}"],
        ["figure", "roc", "{study}", "--out", "roc.json"],
        ["explore", "{study}"],
        ["export", "atlas", "{study}"],
        ["pack", "{study}", "packed"],
        ["pack", "{study}", "tables", "--tables"],
    ],
    ids=lambda words: " ".join(words),
)
def test_verbs_that_write_files_show_their_stages(words, tmp_path, monkeypatch, capsys):
    shutil.copytree(shipped_studies() / "digits", tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr(ProgressBar, "__call__", lambda self, now: seen.append((now.share, now.text)))
    assert main([word.format(study="./study") for word in words]) == 0
    shares = [share for share, _ in seen]
    assert shares == pytest.approx([k / len(seen) for k in range(len(seen))])
    assert all(text for _, text in seen)
    capsys.readouterr()


def test_a_stage_is_shown_as_the_share_of_those_before_it(clock, console):
    bar = ProgressBar(console=console)
    stages = Stages(bar, 4)
    stages.begin("reading")
    clock[0] += 2
    stages.begin("drawing")
    assert left(bar) == "6 s left"
    assert bar._bar.tasks[0].description == "drawing"
