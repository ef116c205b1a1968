"""The default attack of an evaluation: its random search, and what it finds that other attacks miss."""

import importlib.util

import pytest
import torch
from torch import nn

from tla.attacks import APGD, ATTACKS, PGD, Ensemble, LeaveEmbedding, Recorder, Untargeted, evaluate
from tla.attacks.search.loop import NEAR, FirstOrder, Moment, Phase, Plan
from tla.attacks.search.random_squares import RandomSquares, side
from tla.data import SOURCES
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs
from tla.weights import load

N, EPS = 120, 0.1


class Search(FirstOrder):
    """Nothing but the random search."""

    def __init__(self, queries: int):
        self.queries = queries

    def plan(self) -> Plan:
        return Plan(phases=(Phase(stepper=RandomSquares(), steps=self.queries, loss="margin"),))


class Counted(nn.Module):
    """Counts images that go forward, and those whose gradient is computed, over all of its copies."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.forwards, self.backwards = model, 0, 0

    def forward(self, x):
        self.forwards += len(x)
        outputs = self.model(x)
        if outputs.logits.requires_grad:
            outputs.logits.register_hook(self.back)
        return outputs

    def back(self, gradient):
        self.backwards += len(gradient)

    def __deepcopy__(self, memo):
        return self


class Stairs(nn.Module):
    """A defence with masked gradients: pixels are rounded to a few levels."""

    def __init__(self, model: nn.Module, levels: int = 8):
        super().__init__()
        self.model, self.levels = model, levels

    def forward(self, x):
        return self.model((x * self.levels).round() / self.levels + 0 * x)


def run(attack, digits, model=None, n=N, norm="linf", eps=EPS, on_step=None):
    goal, source = Untargeted(digits.y[:n]), generator(0, "ensemble")
    return attack(model or digits.model, digits.x[:n], goal, Threat(norm, eps), generator=source, on_step=on_step)


def test_sides_are_those_of_the_paper():
    by_hand = {0: 25, 10: 25, 11: 18, 50: 18, 51: 13, 201: 9, 501: 6, 1001: 4, 2001: 3, 4001: 2, 8001: 1, 20000: 1}
    assert {number: side(number, 28, 28) for number in by_hand} == by_hand
    assert side(0, 3, 40) == 3


def test_a_search_needs_no_gradient_and_keeps_its_best(digits):
    model, recorder = Counted(digits.model), Recorder(images=True)
    result = run(Search(60), digits, model, on_step=recorder)
    assert model.backwards == 0
    assert int(result.queries.sum()) == model.forwards
    seen = recorder.trajectory()
    best = torch.full((N,), -torch.inf).scatter_reduce(0, seen.row, seen.value, "amax")
    failed = ~result.success
    assert torch.equal(result.value[failed], best[failed])
    assert 0.1 < result.success.float().mean() < 0.9


def test_a_query_moves_one_square_to_a_corner_of_the_ball(digits):
    recorder = Recorder(images=True)
    run(Search(3), digits, n=10, eps=0.05, on_step=recorder)
    first, second = recorder.trajectory().images.reshape(-1, 10, 1, 8, 8)[:2]
    low, high = (digits.x[:10] - 0.05).clamp(0, 1), (digits.x[:10] + 0.05).clamp(0, 1)
    moved = first != second
    assert (torch.isclose(second, low) | torch.isclose(second, high))[moved].all()
    for image in moved[:, 0]:
        rows, columns = image.nonzero().aminmax(dim=0)
        assert (columns - rows + 1 <= side(1, 8, 8)).all()


def test_the_search_can_begin_with_small_squares():
    x = torch.full((4, 1, 20, 20), 0.5)
    moment = Moment(0, x, x, x[:0], torch.zeros(4), Threat("linf", 0.1), generator(0, "small"))
    for begin, edge in ((0, 18), (1000, 3)):
        changed = (RandomSquares(begin=begin).move(moment, {}) != x).sum((1, 2, 3))
        assert changed.tolist() == [edge**2] * 4
    with pytest.raises(ValueError, match="begin must be >= 0, got -1"):
        RandomSquares(begin=-1)


def test_masked_gradients_do_not_help(digits):
    model = Stairs(digits.model)
    blind, found = run(PGD(loss="margin"), digits, model), run(Ensemble(queries=500), digits, model)
    through = run(PGD(loss="margin"), digits)
    assert blind.success.float().mean() < 0.5 * through.success.float().mean()
    assert found.success.sum() >= 0.8 * through.success.sum()


def test_it_finds_what_single_searches_miss(digits):
    """No image of the first search is lost; in total it fools more than attacks with more steps."""
    whole = run(Ensemble(), digits)
    first = run(Ensemble(targets=0, queries=0), digits)
    assert (first.success <= whole.success).all()
    for other in (PGD(steps=100, step_size=EPS / 30, loss="ce"), PGD(steps=100, loss="margin"), APGD(steps=100)):
        assert whole.success.sum() >= run(other, digits).success.sum()


def test_two_classes_are_enough():
    weight = torch.randn(2, 9, generator=generator(0, "two"))

    class Two(nn.Module):
        def forward(self, x):
            return Outputs(x @ weight.T, x)

    x = torch.rand(5, 9, generator=generator(0, "x"))
    y = Two()(x).logits.argmax(1)
    result = Ensemble()(Two(), x, Untargeted(y), Threat("linf", 1.0), generator=generator(0, "two"))
    assert result.success.all()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_it_starts_next_to_the_image(digits, norm):
    """Next to it, not at it: the distance of an embedding from its own place has no gradient there."""
    recorder, threat, x = Recorder(images=True), Threat(norm, 0.5), digits.x[:20]
    with torch.no_grad():
        home = digits.model(x).embedding
    Ensemble(targets=0, queries=0)(
        digits.model, x, LeaveEmbedding(home), threat, generator=generator(0, "near"), on_step=recorder
    )
    seen = recorder.trajectory()
    far = threat.distance(x, seen.images[seen.step == 0])
    assert ((far > 0) & (far <= 1.01 * NEAR * 0.5)).all()
    climbed = seen.value[seen.step == 5] > 1e-5 + 10 * seen.value[seen.step == 0]
    assert climbed.float().mean() > 0.9, "no gradient where it starts"


@pytest.mark.data
@pytest.mark.slow
def test_a_network_that_is_flat_around_its_images_is_searched_from_there(data_folder):
    """Logit pairing on MNIST defeats a search from a random start, but not one from the image."""
    test = SOURCES.build("mnist").load(data_folder).test.subset(torch.arange(250))
    attacks = {"ensemble": Ensemble(targets=0, queries=0), "random": PGD(steps=20, step_size=0.075, loss="margin")}
    table = evaluate(load("mnist/alp"), test.floats(), test.labels, attacks, Threat("linf", 0.3), precision="fp32")
    fooled = table.groupby("attack")["success"].sum()
    assert fooled["ensemble"] > fooled["random"] + 5


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"targets": -1}, "targets must be >= 0, got -1"),
        ({"target_steps": 0}, "target_steps must be >= 1, got 0"),
        ({"restarts": 0}, "restarts must be >= 1, got 0"),
        ({"queries": -1}, "queries must be >= 0, got -1"),
    ],
)
def test_bad_parameters_are_named(parameters, text):
    with pytest.raises(ValueError, match=text):
        Ensemble(**parameters)


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("pyautoattack") is None, reason="pyautoattack is not installed")
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.8), ("l1", 3.0)])
def test_the_search_is_as_strong_as_square(digits, norm, eps):
    theirs = run(ATTACKS.build("square", queries=300), digits, norm=norm, eps=eps)
    ours = run(Search(300), digits, norm=norm, eps=eps)
    only_ours, only_theirs = int((ours.success & ~theirs.success).sum()), int((theirs.success & ~ours.success).sum())
    assert only_theirs - only_ours <= 2 * max(1, only_ours + only_theirs) ** 0.5


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("pyautoattack") is None, reason="pyautoattack is not installed")
@pytest.mark.more
def test_it_is_as_strong_as_autoattack_at_a_tenth_of_the_cost(digits):
    passes, success = [], []
    for attack in (Ensemble(), ATTACKS.build("autoattack")):
        model = Counted(digits.model)
        result = run(attack, digits, model)
        passes.append(model.forwards + model.backwards)
        success.append(result.success)
    assert passes[0] < passes[1] / 10
    assert success[0].sum() >= success[1].sum() - 0.01 * N
