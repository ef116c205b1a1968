"""The form that starts a study: what was chosen becomes a command, and its time is derived from what was measured."""

import json
import time
from dataclasses import replace

import pytest
from board import estimate, new_study, running
from board.new_study import StudyChoice, changed, chosen_study, folder_name, refusal
from board.running import Runs
from board.studies import open_study
from dashboard import make_study

import tla
from tla.study import costs
from tla.study.config import study_from
from tla.study.locate import shipped_studies
from tla.study.recipes import read

DIGITS = study_from(read("digits"))
AS_IT_IS = StudyChoice(DIGITS.methods, 30, "0.15", 500, "0")


@pytest.fixture
def quick(monkeypatch):
    """The time of training steps is not measured."""
    monkeypatch.setattr(estimate, "speed_here", lambda *words: 1000.0)


def test_a_recipe_as_it_is_needs_no_words():
    assert changed(AS_IT_IS, DIGITS) == []
    assert folder_name("digits", []) == "digits"
    assert chosen_study(AS_IT_IS, DIGITS) == DIGITS


def test_what_was_chosen_is_the_study_of_the_command():
    from tla.cli.settings import overridden
    from tla.cli.words import with_quotients

    choice = StudyChoice(("at", "tla"), 4, " 8/255", 60, "0, 1 2")
    found = changed(choice, DIGITS)
    assert found == [
        *("--methods", "at", "tla", "--train.epochs", "4", "--eps", "8/255", "--examples", "60"),
        *("--seeds", "0", "1", "2"),
    ]
    assert folder_name("digits", found) == "digits-at-tla-epochs4-eps8_255-n60-seeds0-1-2"
    long = {"--eps": "--attack.eps", "--examples": "--attack.examples"}
    assert overridden(DIGITS, with_quotients([long.get(word, word) for word in found])) == chosen_study(choice, DIGITS)


def test_long_folder_names_are_cut_and_differ():
    names = {folder_name("digits", ["--seeds", *map(str, range(k))]) for k in (40, 41)}
    assert len(names) == 2
    assert all(len(name) < 90 for name in names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, ""),
        ({"eps": "8/255"}, ""),
        ({"methods": ()}, "Choose at least one method"),
        ({"eps": "8"}, "eps must be a number in 0..1"),
        ({"eps": "a lot"}, "eps must be a number in 0..1"),
        ({"seeds": ""}, "whole numbers such as 0 1 2"),
        ({"seeds": "0 -1"}, "whole numbers such as 0 1 2"),
        ({"seeds": "1 1"}, "Seeds must differ"),
        ({"seeds": "²"}, "whole numbers such as 0 1 2"),
    ],
)
def test_what_can_be_started(change, message):
    found = refusal(AS_IT_IS._replace(**change), DIGITS)
    assert message in found
    assert bool(found) == bool(message)


def test_the_page_starts_what_was_chosen(studies, open_page, monkeypatch, quick):
    seen = []
    monkeypatch.setattr(Runs, "start", lambda self, *words: seen.append(words))
    app = open_page("data")
    app.number_input(key="new_epochs_digits").set_value(3)
    app.number_input(key="new_n_digits").set_value(40)
    app.text_input(key="new_eps_digits").set_value("8/255").run()
    assert any("--train.epochs 3 --eps 8/255 --examples 40" in code.value for code in app.code)
    app.text_input(key="new_seeds_digits").set_value("one").run()
    assert app.button(key="start_recipe").disabled
    assert any("Seeds must be" in caption.value for caption in app.caption)
    app.text_input(key="new_seeds_digits").set_value("0 1").run()
    app.button(key="start_recipe").click().run()
    assert not app.exception
    ((recipe, folder, _, words),) = seen
    assert (recipe, folder.name) == ("digits", "digits-epochs3-eps8_255-n40-seeds0-1")
    assert words == ["--train.epochs", "3", "--eps", "8/255", "--examples", "40", "--seeds", "0", "1"]


def past():
    return estimate.past_of(open_study("digits", shipped_studies() / "digits"))


def test_the_time_of_the_same_study_is_what_its_steps_took():
    found = past()
    same = [seconds for step, seconds in found.seconds.items() if not step.startswith("packed")]
    lone = found.seconds.get("transfer", 0.0)
    assert estimate.scaled(found, found.study) == pytest.approx(sum(same) - lone)


def test_the_time_follows_epochs_images_methods_and_seeds():
    found = past()
    seconds, study = found.seconds, replace(found.study, methods=("at",))
    one = estimate.scaled(found, study)
    longer = replace(study, train=replace(study.train, epochs=60))
    assert estimate.scaled(found, longer) - one == pytest.approx(seconds["train/at-seed0"])
    fewer = replace(study, attack=replace(study.attack, examples=250))
    few = seconds["attack/at-seed0"] / 2 + seconds["transfer/seed0"] / 36 / 2
    assert one - estimate.scaled(found, fewer) == pytest.approx(few)
    more = replace(study, attack=replace(study.attack, examples=90_000))
    assert estimate.scaled(found, more) == pytest.approx(one), "there are 500 test images"
    unknown = replace(study, methods=("trades",))
    slowest = max(seconds[f"train/{name}-seed0"] for name in found.study.methods)
    assert estimate.scaled(found, unknown) >= slowest


def test_the_time_follows_the_passes_of_the_attacks():
    found = past()
    study = replace(found.study, methods=("at",))
    one, suite = estimate.scaled(found, study), study.attack.suite
    attack, passes = found.seconds["attack/at-seed0"], sum(costs.passes(one) for one in suite.values())
    for further, more in ((tla.Ensemble(), costs.passes(tla.Ensemble())), (tla.PGD(steps=50), 50)):
        larger = replace(study, attack=replace(study.attack, suite={**suite, "further": further}))
        assert estimate.scaled(found, larger) - one == pytest.approx(attack * more / passes), further
    once = replace(study, train=replace(study.train, attack=tla.FGSM()))
    train, then = found.seconds["train/at-seed0"], costs.passes(study.train.attack)
    share = (1 + costs.UPDATE) / (then + costs.UPDATE)
    assert one - estimate.scaled(found, once) == pytest.approx(train * (1 - share))


def test_the_speed_of_this_machine_scales_the_time(quick):
    found = {"digits": shipped_studies() / "digits"}
    said = estimate.estimate(DIGITS, found)
    then = past().speed
    assert said.seconds == pytest.approx(estimate.scaled(past(), DIGITS) * then / 1000)
    assert said.basis.startswith("From the steps of the study digits, ")
    assert f"AT trains 1,000 images a second here just now, as busy as it is, and {then:,.0f} there." in said.basis
    assert estimate.estimate(study_from(read("tiny-imagenet")), found) is None


def test_training_steps_are_timed():
    store = shipped_studies() / "digits"
    assert estimate.speed_here("digits", str(store), open_study("digits", store).stamp) > 10


def test_a_page_without_a_past_study_makes_up_no_time(studies, open_page):
    assert any("No estimate of the time" in caption.value for caption in open_page("data").caption)


@pytest.mark.parametrize(("seconds", "said"), [(3, "3 s"), (42, "40 s"), (230, "4 min"), (9e3, "2 h"), (4e5, "5 days")])
def test_times_are_said_in_words(seconds, said):
    assert estimate.words(seconds) == said


def log(folder, key, rows):
    file = folder / "models" / key / "log.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}\n" * rows)


@pytest.mark.parametrize(
    ("step", "message", "rows", "kept"),
    [
        ("train/tla-seed0", "epoch 8/30, 900 images/s", 7, "epoch 7 of 30 of TLA and everything before it"),
        ("train/tla-seed1", "epoch 8/30", 7, "epoch 7 of 30 of TLA, seed 1 and everything before it"),
        ("train/tla-seed0", "epoch 1/30", 0, "every step before TLA"),
        ("attack/at-seed0", "pgd", 0, "every step before the attack on AT"),
        ("report", "", 0, "every step before 'report'"),
    ],
)
def test_what_a_stop_keeps(tmp_path, step, message, rows, kept):
    report = {"step": step, "state": "running", "done": 0.5, "message": message}
    (tmp_path / "progress.json").write_text(json.dumps(report))
    log(tmp_path, step.partition("/")[2], rows)
    assert running.what_is_kept(tmp_path, running.read_progress(tmp_path), 0.0) == kept


def test_the_log_of_an_older_training_counts_for_no_more_than_was_resumed(tmp_path):
    (tmp_path / "progress.json").write_text(
        json.dumps({"step": "train/at-seed0", "state": "running", "done": 0, "message": "epoch 3/12"})
    )
    log(tmp_path, "at-seed0", 30)
    said = running.what_is_kept(tmp_path, running.read_progress(tmp_path), time.time() + 60)
    assert said == "epoch 2 of 12 of AT and everything before it"


def test_no_more_studies_run_than_there_are_cores(tmp_path, monkeypatch):
    import sys

    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(running, "command", lambda recipe, folder, words=(): sleeping)
    runs = Runs(most=2)
    try:
        for name in "abc":
            runs.start("digits", tmp_path / name, owner=name)
        assert [folder.name for folder in runs.processes] == ["a", "b"]
        assert runs.refusal(tmp_path / "c", "c") == (
            "2 studies run at a time, one for each of this machine's 2 cores, and now: a, b. "
            "Start yours when one has ended."
        )
        runs.stop(tmp_path / "a", "a")
        assert runs.refusal(tmp_path / "c", "c") == ""
    finally:
        runs.stop_all()


def test_an_unfinished_study_hides_nothing(made, tmp_path, use_studies, open_page, quick):
    """Its steps, files and progress are shown, other studies can be opened, and another be started."""
    store = make_study(tmp_path / "half", complete=False)
    make_study(tmp_path / "whole")
    report = {"step": "train/tla-seed0", "state": "running", "done": 0.34, "message": "epoch 8/30"}
    store.write_json("progress.json", report)
    use_studies(tmp_path)
    app = open_page("data", study="half")
    assert not app.exception
    assert app.subheader[0].value == "The study “half” is not finished"
    assert "34% · train/tla-seed0: epoch 8/30" in str(app.get("progress")[0].proto.text)
    assert "tables/map.parquet" in files(app)["file"].tolist()
    assert not app.button(key="start_recipe").disabled
    app = open_page("shift", study="half")
    assert not app.exception
    app.button(key="open_whole").click().run()
    assert app.selectbox(key="study").value == "whole"
    assert app.subheader[0].value == "The largest turns"


def test_a_shipped_study_shows_its_files(tmp_path, use_studies, open_page, quick):
    use_studies(tmp_path, shipped_studies())
    rows = files(open_page("data", study="digits"))
    folder = shipped_studies() / "digits"
    here = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    assert set(rows["file"]) == set(here)
    assert rows.set_index("file")["kB"].to_dict() == {name: round(size / 1000, 1) for name, size in here.items()}


def files(app):
    app.session_state["contents"] = "Files"
    app.run()
    return next(one.value for one in app.dataframe if "kB" in one.value.columns)


def test_what_was_stopped_is_said(studies, open_page, monkeypatch, quick):
    started = Runs()
    monkeypatch.setattr(new_study, "runs", lambda: started)
    monkeypatch.setattr("board.unfinished.runs", lambda: started)
    started.kept[studies / "digits"] = "epoch 7 of 30 of TLA and everything before it"
    app = open_page("data")
    assert [one.value for one in app.info] == [
        "Stopped. Kept: epoch 7 of 30 of TLA and everything before it. Start goes on from there."
    ]
