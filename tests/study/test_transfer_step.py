"""Transfer between models: the step against a loop, its table, and its column and matrix in the report."""

import dataclasses

import pytest

from tla.attacks import PGD, Untargeted
from tla.models import MODELS, build_model
from tla.plots.report.material import Material
from tla.plots.report.robustness import robustness
from tla.plots.report.transferred import black_box
from tla.seeding import generator
from tla.store import Store
from tla.study import recipes, study_from
from tla.study import transfer as transfer_step
from tla.study.workspace import TrainedModel, Workspace
from tla.threat import Threat

MODEL = {"name": "small_cnn", "width": 4, "embedding": 8}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Three untrained models of two seeds."""
    values = recipes.read("digits")
    values["attack"] |= {
        "examples": 30,
        "suite": {"pgd": {"name": "pgd", "steps": 3}},
        "main": "pgd",
        "precision": "fp32",
    }
    study = study_from(values | {"methods": ["natural", "at", "tla"], "seeds": [0, 4], "model": MODEL})
    workspace = Workspace(study, Store(tmp_path_factory.mktemp("transfer")))
    train = workspace.splits.train
    for number, (method, seed) in enumerate(study.models):
        network = build_model(MODELS.build(**MODEL), train.shape, 10, seed=number)
        workspace._models[TrainedModel(method, seed).key] = network.eval()
    return workspace


def run(workspace):
    """Run every step; returns the steps and the joined table."""
    models = [TrainedModel(*model) for model in workspace.study.models]
    steps = transfer_step.steps(workspace, models, {model.key: model.key for model in models})
    for step in steps:
        step.run(lambda share, message: None)
    return steps, workspace.store.table("transfer")


def test_the_table_matches_a_loop(workspace):
    steps, frame = run(workspace)
    assert [step.name for step in steps] == ["transfer/seed0", "transfer/seed4", "transfer"]
    assert len(frame) == 2 * 9 * 30
    x, y = workspace.queries.floats(), workspace.queries.labels
    attack = PGD(steps=3, pursuit="all_steps")
    for seed in (0, 4):
        source, target = workspace.model(TrainedModel("at", seed)), workspace.model(TrainedModel("tla", seed))
        numbers = generator(workspace.seed(TrainedModel("every", seed), "transfer"), "attack", 0)
        images = attack(source, x, Untargeted(y), Threat("linf", 0.15), generator=numbers).adversarial
        wrong = (target(images).logits.argmax(1) != y) | (target(x).logits.argmax(1) != y)
        rows = frame[(frame.seed == seed) & (frame.source == "at") & (frame.target == "tla")].sort_values("id")
        assert rows.id.tolist() == workspace.queries.ids.tolist()
        assert rows.success.tolist() == wrong.tolist()


def test_when_there_is_no_step_and_what_it_depends_on(workspace):
    models = [TrainedModel(*model) for model in workspace.study.models]
    weights = {model.key: model.key for model in models}
    assert transfer_step.steps(workspace, models[:2], weights) == []  # one method: natural of two seeds
    none = dataclasses.replace(workspace.study, analysis=dataclasses.replace(workspace.study.analysis, transfer=0))
    assert transfer_step.steps(dataclasses.replace(workspace, study=none), models, weights) == []
    before = [step.digest for step in transfer_step.steps(workspace, models, weights)]
    after = [step.digest for step in transfer_step.steps(workspace, models, weights | {"at-seed4": "new"})]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, False]
    with pytest.raises(ValueError, match=r"analysis.transfer must be >= 0, got -1"):
        dataclasses.replace(workspace.study.analysis, transfer=-1)


def test_the_black_box_is_the_hardest_other_model(workspace):
    _, frame = run(workspace)
    row = black_box(frame, "tla").iloc[0]
    rates = {
        source: 1 - frame[(frame.target == "tla") & (frame.source == source)].success.mean()
        for source in ("natural", "at")
    }
    assert rates[row["source"]] == pytest.approx(min(rates.values()))
    assert row["accuracy"] == pytest.approx(min(rates.values()))


def test_the_report_has_the_column_and_the_matrix(workspace, tmp_path):
    import pandas as pd

    _, frame = run(workspace)
    store = Store(tmp_path)
    rows = frame[frame.source == frame.target].rename(columns={"target": "method"}).drop(columns="source")
    clean = rows.assign(
        attack="clean", eps=0.0, prediction=rows.clean_prediction, success=rows.clean_prediction != rows.y
    )
    store.write_table("attacks", pd.concat([rows, clean], ignore_index=True))
    store.write_table("transfer", frame)
    page = robustness(Material(store))
    assert "Black box" in page
    assert 'id="figure-transfer"' in page
    assert page.count("<small>crafted on ") == 3
