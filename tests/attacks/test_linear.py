"""On a linear model the minimal perturbation is known in every norm: budget attacks find it, and nothing less."""

import pytest
from attack_cases import OWNED, SHAPES, VARIANTS, linear_problem, quick

from tla.attacks import Targeted, Untargeted
from tla.seeding import generator
from tla.threat import Threat

CASES = [(1, 1, "linf"), (3, 2, "l2"), (8, 3, "l1"), (1, 2, "l1"), (3, 3, "linf"), (8, 1, "l2")]


@pytest.mark.parametrize(("batch", "dims", "norm"), CASES)
@pytest.mark.parametrize(("name", "parameters"), [*((name, {}) for name in OWNED), *VARIANTS])
def test_budget_attacks_find_the_plane(name, parameters, batch, dims, norm):
    model, x, y, distance = linear_problem(batch, SHAPES[dims], norm)
    for goal in (Untargeted(y), Targeted(1 - y)):
        for factor, found in ((1.02, True), (0.98, False)):
            threat = Threat(norm, distance * factor)
            result = quick(name, **parameters)(model, x, goal, threat, generator=generator(1, "attack"))
            assert result.success.tolist() == [found] * batch
            assert bool((result.distance <= distance * factor + 2e-7).all())
