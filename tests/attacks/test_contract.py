"""What every registered attack must keep: a new file is covered the moment it exists."""

import importlib.util
from dataclasses import dataclass
from typing import ClassVar

import attack_contract as contract
import pytest
from attack_cases import ALL, OWN
from hypothesis import given, settings
from hypothesis import strategies as st

from tla.attacks import ATTACKS, Attack, AttackResult, Goal, Untargeted
from tla.attacks.base import Reach
from tla.attacks.search.best import scored
from tla.attacks.search.forward import check_inputs, check_outputs, forward_fp32
from tla.attacks.search.loop import FirstOrder, Phase, Plan, repeated
from tla.attacks.search.steepest import Steepest
from tla.models.network.mode import evaluating
from tla.threat import Norm

PACKAGES = ("pyautoattack", "adv_lib", "foolbox")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
PEERS = [pytest.mark.peers, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]


def case(name, *values):
    return pytest.param(name, *values, marks=[] if name in OWN else PEERS, id="-".join([name, *values]))


every_attack = pytest.mark.parametrize("name", [case(name) for name in ALL])
every_attack_and_norm = pytest.mark.parametrize(
    ("name", "norm"), [case(name, norm) for name in ALL for norm in ATTACKS.get(name).norms]
)


@every_attack_and_norm
def test_result_is_what_it_says(name, norm):
    contract.check_result(name, norm)


@every_attack_and_norm
def test_eps_0_is_the_identity(name, norm):
    contract.check_eps_0(name, norm)


@every_attack_and_norm
@pytest.mark.parametrize("batch", [1, 3])
def test_images_of_any_shape(name, norm, batch):
    contract.check_shapes(name, norm, batch)


@every_attack
def test_nothing_else_changes(name):
    contract.check_side_effects(name)


@every_attack
def test_same_seed_same_bytes(name):
    contract.check_seed(name)


@every_attack
def test_another_box(name):
    contract.check_box(name)


@every_attack
def test_claims_and_settings(name):
    contract.check_claims(name)
    contract.check_settings(name)


@every_attack
def test_bad_input_is_named(name):
    contract.check_bad_input(name)


@settings(max_examples=8, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", OWN)
def test_ball_and_box_hold_on_random_networks(name, data):
    contract.check_random_network(
        name,
        norm=data.draw(st.sampled_from(ATTACKS.get(name).norms)),
        seed=data.draw(st.integers(0, 2**20)),
        n=data.draw(st.integers(1, 4)),
        size=data.draw(st.integers(1, 9)),
        decimals=data.draw(st.integers(0, 3)),
        scale=data.draw(st.sampled_from([0.01, 0.5, 5.0])),
        targeted=data.draw(st.booleans()),
    )


@dataclass(frozen=True, kw_only=True)
class TwoSteps(FirstOrder):
    """Two large steps from random starts: too few to find every boundary that the ball crosses."""

    reach: ClassVar[Reach] = "inside"

    def plan(self) -> Plan:
        """Five searches."""
        return Plan(phases=repeated(Phase(stepper=Steepest(steps=2), steps=2), 5))


@dataclass(frozen=True, kw_only=True)
class ManySteps(FirstOrder):
    """Many steps, in one norm."""

    norms: ClassVar[tuple[Norm, ...]] = ("l2",)

    def plan(self) -> Plan:
        """One search."""
        return Plan(phases=(Phase(stepper=Steepest(steps=40), steps=40),))


@dataclass(frozen=True, kw_only=True)
class RandomPoint(Attack):
    """One random point of the ball, without a gradient, for one kind of goal."""

    goals: ClassVar[tuple[type[Goal], ...]] = (Untargeted,)
    reach: ClassVar[Reach] = "chance"

    def __call__(self, model, x, goal, threat, *, generator=None, on_step=None) -> AttackResult:
        """Draw, then check."""
        self.check_supported(goal, threat)
        check_inputs(x, goal, threat)
        with evaluating(model):
            check_outputs(forward_fp32(model, x), goal)
            images = threat.start(x, generator)
            best = scored(images, forward_fp32(model, images), goal)
        return AttackResult(images, best.reached, threat.distance(x, images), best.value, best.queries + 1)


class Boastful(TwoSteps):
    """Two steps that claim to find every boundary."""

    reach: ClassVar[Reach] = "boundary"


@pytest.fixture
def register(monkeypatch):
    monkeypatch.setattr(ATTACKS, "_items", dict(ATTACKS._items))
    return lambda name, attack: ATTACKS.register(name)(attack)


@pytest.mark.parametrize("attack", [TwoSteps, ManySteps, RandomPoint])
def test_a_new_attack_passes_by_stating_its_reach(register, attack):
    register("new-attack", attack)
    contract.check_attack("new-attack")


def test_an_attack_that_claims_too_much_fails(register):
    register("new-attack", Boastful)
    with pytest.raises(AssertionError, match="new-attack has the reach 'boundary'"):
        contract.check_attack("new-attack")
