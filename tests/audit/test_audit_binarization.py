"""Problems with a known solution."""

import defences
import pytest
import torch
from audit_cases import QUICK

from tla.attacks import PGD
from tla.audit.binarization import CrossHyperplane, binary_problems
from tla.audit.checks.binarization import Binarization
from tla.audit.context import Context
from tla.audit.snapshot import snapshot
from tla.audit.variants import CannotRunError
from tla.types import Outputs


@pytest.fixture
def prepare(sound, digits, threat):
    def make(model=sound, attack=None, n=40):
        rows = torch.arange(n)
        return Context(
            original=model,
            before=snapshot(model),
            x=digits.x[:n],
            y=digits.y[:n],
            ids=rows,
            rows=rows,
            threat=threat,
            attack=attack or QUICK,
        )

    return make


def test_every_problem_has_the_planted_solution(prepare):
    posed = binary_problems(prepare(), torch.arange(20), inner=50, shrink=0.95, tight=0.9)
    here = prepare()
    assert len(posed.rows) + posed.skipped == 20
    assert here.inside(torch.cat([posed.solution, here.x[20:]])[: len(here.x)])[: len(posed.rows)].all()
    with torch.no_grad():
        clean = here.model(here.x[posed.rows])
        solved = here.model(posed.solution)
    assert not posed.goal.reached(clean).any()
    assert posed.goal.reached(solved).all()


def test_the_new_logits_have_the_size_of_the_old_ones(prepare):
    here = prepare()
    posed = binary_problems(here, torch.arange(10), inner=50, shrink=0.95, tight=0.9)
    with torch.no_grad():
        clean = here.model(here.x[posed.rows])
    top = clean.logits.topk(2, dim=1).values
    assert torch.allclose(-posed.goal.score(clean), top[:, 0] - top[:, 1], rtol=1e-3)


def test_a_sound_attack_solves_them_and_poor_ones_do_not(prepare, sound):
    check = Binarization(samples=30)
    assert check(prepare()).verdict == "OK"
    assert check(prepare(attack=PGD(steps=3, step_size=0.003))).verdict == "FAIL"
    assert check(prepare(defences.Quantised(sound))).verdict == "FAIL"
    found = check(prepare(attack=defences.Noise()))
    assert found.verdict == "FAIL"
    assert len(found.ids) >= 25


def test_the_embedding_of_bare_logits_is_the_input_of_the_last_layer(prepare, sound):
    assert Binarization(samples=10)(prepare(defences.LogitsOnly(sound))).verdict == "OK"


def test_a_model_without_embedding_is_not_run(prepare):
    class Flat(torch.nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, 20:30] * 5

    with pytest.raises(CannotRunError, match=r"has no embedding|no clean image"):
        Binarization()(prepare(Flat().eval()))


def test_the_goal_climbs_what_the_attack_climbs():
    goal = CrossHyperplane(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([-1.0, 0.5]))
    outputs = Outputs(torch.zeros(2, 3), torch.tensor([[3.0, 9.0], [9.0, -1.0]]))
    assert goal.value(outputs).tolist() == [2.0, -1.5]
    assert goal.reached(outputs).tolist() == [True, False]
    assert goal.using("ce").value(outputs).tolist() == pytest.approx([2.126928, 0.201413], abs=1e-5)
    assert goal.using("dlr").surrogate == "margin"
    assert goal.select(torch.tensor([1])).size == 1
