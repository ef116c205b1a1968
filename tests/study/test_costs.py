"""The time left rests on what the steps of a study are expected to cost."""

import json
from collections import Counter

import pytest

import tla
from tla.store import Store
from tla.study import costs
from tla.study.config import study_from
from tla.study.locate import shipped_studies
from tla.study.run import plan
from tla.study.workspace import Workspace


@pytest.mark.parametrize(
    ("attack", "passes"),
    [
        (tla.FGSM(), 1),
        (tla.PGD(steps=20, restarts=20), 400),
        (tla.ATTACKS.build("square", queries=1000), 400),
        (tla.ATTACKS.build("ensemble"), 2 * (20 + 4 * 30) + 0.4 * 300),
        (tla.ATTACKS.build("autoattack"), costs.UNSAID),
    ],
    ids=["fgsm", "restarts", "queries", "targets", "no setting says"],
)
def test_passes_of_an_attack(attack, passes):
    assert costs.passes(attack) == pytest.approx(passes)


@pytest.mark.parametrize(
    "name", ["digits", *(pytest.param(name, marks=pytest.mark.data) for name in ("mnist-robust", "cifar10-small"))]
)
def test_the_expected_shares_are_those_that_were_measured(name, tmp_path):
    recorded = json.loads((shipped_studies() / name / "manifest.json").read_text())
    expected = {step.name: step.weight for step in plan(Workspace(study_from(recorded["study"]), Store(tmp_path)))}
    measured = {step: entry["facts"]["seconds"] for step, entry in recorded["steps"].items() if entry.get("facts")}
    shares = []
    for seconds in (expected, measured):
        kinds = Counter()
        for step in expected.keys() & measured.keys():
            kinds[step.partition("/")[0]] += seconds[step]
        shares.append({kind: value / kinds.total() for kind, value in kinds.items()})
    for kind, share in shares[1].items():
        assert shares[0][kind] == pytest.approx(share, abs=0.2), kind
    assert shares[0]["train"] == pytest.approx(shares[1]["train"], abs=0.12)
