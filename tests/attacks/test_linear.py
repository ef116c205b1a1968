"""On a linear model the minimal perturbation is known in every norm: attacks find it as far as they say, no sooner."""

import pytest
from attack_cases import OWN
from attack_contract import check_plane

CASES = [(1, 1, "linf"), (3, 2, "l2"), (8, 3, "l1"), (1, 2, "l1"), (3, 3, "linf"), (8, 1, "l2")]
VARIANTS = [
    ("pgd", {"loss": "margin"}),
    ("pgd", {"loss": "dlr", "pursuit": "all_steps"}),
    ("pgd", {"step_size": 0.02, "steps": 60, "pursuit": "last_step"}),
    ("rfgsm", {"share": 10.0}),
    ("apgd", {"steps": 40, "loss": "ce"}),
    ("apgd", {"steps": 40, "targets": 3}),
]
every_case = pytest.mark.parametrize(("batch", "dims", "norm"), CASES)


@every_case
@pytest.mark.parametrize("name", OWN)
def test_attacks_find_the_plane(name, batch, dims, norm):
    check_plane(name, norm, batch, dims)


@every_case
@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_settings_that_find_the_plane(name, settings, batch, dims, norm):
    check_plane(name, norm, batch, dims, reach="boundary", **settings)
