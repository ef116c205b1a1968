"""A sweep, from the command line to its figure, and what it rejects before training."""

import json
import shutil

import pytest

from tla.cli import main
from tla.store import Store
from tla.study import recipes, study_from
from tla.study.sweep import ablation_frame, plan_sweep

QUICK = [
    "--train.epochs", "1", "--train.batch", "128", "--train.holdout", "100", "--attack.examples", "40",
    "--train.precision", "fp32", "--model.width", "4", "--model.embedding", "8",
]  # fmt: skip
WORDS = ["sweep", "digits", "method.tla.pool", "1", "40", "--method.tla.mining", "fresh", "--beside", "natural"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps") / "pool"
    assert main([*WORDS, *QUICK, "--attacks", "fgsm", "--seeds", "0", "1", "--out", str(folder)]) == 0
    return folder


def test_every_value_and_seed_is_in_the_table(swept):
    store = Store(swept)
    frame, attacks = store.table("ablation"), store.table("attacks")
    assert set(frame.parameter) == {"method.tla.pool"}
    varied = frame[frame.value.notna()]
    assert sorted(varied.value.unique()) == [1.0, 40.0]
    assert set(varied.method) == {"tla"}
    assert set(frame[frame.value.isna()].method) == {"natural"}
    assert set(frame.attack) == {"clean", "fgsm", "worst"}
    for row in frame.itertuples():
        rows = attacks[(attacks.method == row.variant) & (attacks.seed == row.seed)]
        here = rows[rows.attack == row.attack] if row.attack != "worst" else rows[rows.attack == "fgsm"]
        assert row.accuracy == pytest.approx(1 - here.success.mean())
        assert row.n == 40


def test_variants_share_the_common_steps_and_differ_in_the_value(swept):
    steps = Store(swept).manifest()["steps"]
    assert sum(name == "data" for name in steps) == 1
    assert sum(name.startswith("train/natural") for name in steps) == 2  # once per seed, not per value
    headers = [(swept / f"models/tla@pool={size}-seed0/model.safetensors").read_bytes()[:6000] for size in (1, 40)]
    assert b'\\"pool\\": 1,' in headers[0]
    assert b'\\"pool\\": 40,' in headers[1]


def test_the_report_shows_figure_numbers_and_the_paper(swept):
    page = (swept / "report.html").read_text()
    assert 'id="figure-sweep-0"' in page
    assert "The same figure in the paper" in page
    assert "worst case against 1 (points)" in page
    assert "TLA, pool 40" in page
    assert "This comparison is not fair" not in page
    assert 'id="maps"' not in page


def test_a_second_run_does_nothing_and_a_new_value_keeps_the_others(swept, tmp_path, capsys):
    words = [*WORDS, *QUICK, "--attacks", "fgsm", "--seeds", "0", "1", "--out", str(swept)]
    assert main(words) == 0
    assert "Nothing to do" in capsys.readouterr().out
    copy = tmp_path / "more"
    shutil.copytree(swept, copy)
    before = (copy / "models/tla@pool=1-seed0/train.pt").stat().st_mtime_ns
    more = [*words[:5], "20", *words[5:-1], str(copy)]
    assert main(more) == 0
    assert (copy / "models/tla@pool=1-seed0/train.pt").stat().st_mtime_ns == before
    assert sorted(Store(copy).table("ablation").value.dropna().unique()) == [1.0, 20.0, 40.0]
    assert json.loads((copy / "manifest.json").read_text())["sweep"]["values"] == ["1", "40", "20"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["method.tla.pool", "1", "50"], 'pool changes nothing in .*mining is "batch"'),
        (["method.tla.pool", "1", "5000", "--method.tla.mining", "fresh"], "tla@pool=5000: pool must be at most the"),
        (["method.tla.alpha", "0.1"], "a sweep needs two different values or more, got 0.1"),
        (["method.tla.alpha", "0.1", "0.10"], "a sweep needs two different values or more"),
        (["method.tla.alfa", "0.1", "0.2"], "alfa: unknown key.*did you mean 'alpha'"),
        (["method.tla.alpha", "0.1", "-1"], "alpha must be >= 0, got -1"),
        (["method.tla.alpha", "0.1", "x"], "alpha: must be a number, got 'x'"),
        (["attack.eps", "0.1", "0.2"], "'attack.eps' cannot be swept"),
        (["train.batch", "64", "2000"], "tla@train.batch=2000: batch must be at most the"),
        (["train.epochs", "1", "2", "--methods", "tal"], "unknown method 'tal'; did you mean 'tla'"),
        (["train.epochs", "1", "2", "--attacks", "pgdd"], "'pgdd' is not in the suite; did you mean 'pgd'"),
        (["train.epochs", "1", "2", "--beside"], "--beside needs a value"),
        (["train.epochs"], "a sweep needs two different values or more, got none"),
        ([], "name a setting to sweep and its values"),
    ],
)
def test_bad_input_is_rejected_before_training(words, text, tmp_path, monkeypatch, capsys):
    import re

    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "digits", *words]) == 1
    assert re.search(text, capsys.readouterr().err)
    assert not list(tmp_path.glob("studies/*/models"))


def test_text_values_and_several_methods():
    import pandas as pd

    study = study_from(recipes.read("digits"))
    sweep = plan_sweep(study, "train.schedule", ("cosine", "constant"), methods=("at", "tla"))
    assert list(sweep.variants) == [
        "at@train.schedule=cosine", "tla@train.schedule=cosine",
        "at@train.schedule=constant", "tla@train.schedule=constant",
    ]  # fmt: skip
    assert set(sweep.study.attack.suite) == {"cw", "pgd", "mim"}
    rows = [
        {"method": name, "seed": 0, "attack": "pgd", "eps": 0.1, "id": i, "success": i == 0}
        for name in sweep.variants for i in range(4)
    ]  # fmt: skip
    frame = ablation_frame(pd.DataFrame(rows), sweep)
    assert list(frame.value.unique()) == ["cosine", "constant"]
    assert set(frame.accuracy) == {0.75}
