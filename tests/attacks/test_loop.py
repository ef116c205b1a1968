"""The search loop: which images leave and when, how success is checked, and what stays unchanged."""

import importlib.util
from itertools import pairwise

import pytest
import torch
from attack_cases import Linear, linear_problem
from torch import nn

from tla.attacks import APGD, ATTACKS, FGSM, PGD, Recorder, Targeted, Untargeted
from tla.attacks.search.auto_pgd import checkpoints
from tla.models.network.mode import evaluating
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs

THREAT = Threat("linf", 0.1)


def attack(digits, threat=THREAT, n=60, seed=0, on_step=None, model=None, goal=None, **parameters):
    recipe = parameters.pop("recipe", None) or PGD(**parameters)
    goal = goal or Untargeted(digits.y[:n])
    source = generator(seed, "test")
    return recipe(model or digits.model, digits.x[:n], goal, threat, generator=source, on_step=on_step)


class Counting(nn.Module):
    """Records the number of images of each forward pass."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.sizes = model, []

    def forward(self, x):
        self.sizes.append(len(x))
        return self.model(x)


@pytest.mark.parametrize("pursuit", ["until_reached", "all_steps", "last_step"])
def test_success_is_that_of_the_returned_image(digits, pursuit):
    result = attack(digits, steps=7, pursuit=pursuit)
    wrong = digits.model(result.adversarial).logits.argmax(1) != digits.y[:60]
    assert torch.equal(result.success, wrong)
    assert 0 < int(wrong.sum()) < 60


def test_one_step_moves_and_is_checked(digits):
    for name in ("fgsm", "rfgsm"):
        result = attack(digits, recipe=ATTACKS.build(name, loss="ce"))
        assert (result.distance > 0).all()
    result = attack(digits, recipe=FGSM(loss="ce"))
    x = digits.x[:60].clone().requires_grad_()
    nn.functional.cross_entropy(digits.model(x).logits, digits.y[:60], reduction="sum").backward()
    by_hand = (x.detach() + 0.1 * x.grad.sign()).clamp(0, 1)
    clean = digits.model(digits.x[:60]).logits.argmax(1) == digits.y[:60]
    assert torch.equal(result.adversarial[clean], by_hand[clean])


def test_a_failed_attack_returns_its_best_attempt(digits):
    recorder = Recorder(images=True)
    result = attack(digits, steps=6, loss="margin", pursuit="all_steps", on_step=recorder)
    seen = recorder.trajectory()
    failed = ~result.success
    assert failed.any()
    assert (result.distance[failed] > 0).all()
    values, images = seen.value.reshape(7, 60), seen.images.reshape(7, 60, 1, 8, 8)
    best = values.argmax(0)
    assert torch.equal(result.value[failed], values.amax(0)[failed])
    chosen = images[best, torch.arange(60)]
    assert torch.equal(result.adversarial[failed], chosen[failed])


def test_training_returns_the_last_iterate(digits):
    recorder = Recorder(images=True)
    result = attack(digits, steps=4, pursuit="last_step", on_step=recorder)
    assert torch.equal(result.adversarial, recorder.trajectory().images[-60:])
    assert torch.equal(result.adversarial, attack(digits, steps=4, pursuit="last_step").adversarial)
    assert (result.queries == 5).all()


def test_fooled_images_leave_and_others_are_not_affected(digits):
    counting = Counting(digits.model)
    staying = attack(digits, steps=40, pursuit="all_steps")
    leaving = attack(digits, steps=40, model=counting)
    assert counting.sizes[0] == 60
    assert counting.sizes == sorted(counting.sizes, reverse=True)
    assert counting.sizes[-1] <= 60 - int(leaving.success.sum()) + 5
    assert int((leaving.success != staying.success).sum()) <= 1  # other batches round differently
    assert int(leaving.queries.sum()) == sum(counting.sizes)
    assert (staying.queries == 41).all()


def test_restarts_search_survivors_only(digits):
    recorder = Recorder()
    settings = {"steps": 3, "step_size": 0.05, "pursuit": "all_steps"}
    result = attack(digits, restarts=4, on_step=recorder, **settings)
    seen = recorder.trajectory()
    for restart in range(1, 4):
        before = {
            row for row, fooled, r in zip(seen.row, seen.success, seen.restart, strict=True) if r < restart and fooled
        }
        searched = set(seen.row[seen.restart == restart].tolist())
        assert searched == set(range(60)) - {int(row) for row in before}
    once = attack(digits, **settings)
    assert (once.success <= result.success).all()
    assert result.queries.sum() > once.queries.sum()


def test_more_is_never_worse(digits):
    """Per example: what is fooled with few restarts or steps is fooled with more."""
    sets = [attack(digits, steps=5, step_size=0.02, restarts=k, pursuit="all_steps").success for k in (1, 2, 4)]
    assert all((few <= many).all() for few, many in pairwise(sets))
    sets = [attack(digits, steps=k, step_size=0.02, pursuit="all_steps").success for k in (2, 5, 15)]
    assert all((few <= many).all() for few, many in pairwise(sets))
    model, x, y, distance = linear_problem(8, (1, 6, 6), "linf")
    fooled = [
        PGD(steps=20)(model, x, Untargeted(y), Threat("linf", factor * distance), generator=generator(0, "m")).success
        for factor in (0.5, 0.9, 1.1, 3.0)
    ]
    assert all((few <= many).all() for few, many in pairwise(fooled))


class Liar(nn.Module):
    """Predicts another class at low precision."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        logits, embedding = self.model(x)
        if torch.is_autocast_enabled("cpu"):
            logits = logits.float() * -1
        return Outputs(logits, embedding)


def test_no_image_leaves_on_a_low_precision_success(digits):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = attack(digits, threat=Threat("linf", 1e-4), steps=12, model=Liar(digits.model))
    clean = digits.model(digits.x[:60]).logits.argmax(1) != digits.y[:60]
    assert torch.equal(result.success, clean)


def test_success_at_low_precision_is_checked_again(digits):
    exact = attack(digits, n=200, steps=10, loss="margin")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = attack(digits, n=200, steps=10, loss="margin")
    wrong = digits.model(result.adversarial).logits.argmax(1) != digits.y
    assert torch.equal(result.success, wrong)
    assert abs(int(wrong.sum()) - int(exact.success.sum())) <= 6


@pytest.mark.parametrize("pursuit", ["until_reached", "last_step"])
def test_training_continues_under_the_same_autocast(digits, pursuit):
    """Weights that an attack casts without a gradient must not stay in the cache of autocast."""
    model = digits.model
    with torch.autocast("cpu", dtype=torch.bfloat16):
        adversarial = attack(digits, n=20, steps=2, pursuit=pursuit).adversarial
        loss = nn.functional.cross_entropy(model(adversarial).logits.float(), digits.y[:20])
    loss.backward()
    try:
        assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in model.parameters())
    finally:
        for weight in model.parameters():
            weight.grad = None


def test_targets_are_reached(digits):
    target = (digits.y[:60] + 1) % 10
    result = attack(digits, threat=Threat("linf", 0.4), goal=Targeted(target), loss="margin")
    predictions = digits.model(result.adversarial).logits.argmax(1)
    assert torch.equal(result.success, predictions == target)
    assert result.success.float().mean() > 0.5


def test_recorder_sees_every_step(digits):
    recorder = Recorder(images=True)
    result = attack(digits, steps=4, pursuit="all_steps", on_step=recorder)
    seen = recorder.trajectory()
    assert seen.step.tolist() == [step for step in range(5) for _ in range(60)]
    assert seen.row.tolist() == list(range(60)) * 5
    assert seen.embedding.dtype == torch.bfloat16
    outputs = digits.model(seen.images)
    assert torch.equal(seen.prediction, outputs.logits.argmax(1))
    assert torch.allclose(seen.embedding.float(), outputs.embedding, atol=0.05)
    assert torch.equal(seen.success, seen.prediction != digits.y[:60].repeat(5))
    assert torch.equal(result.success, seen.success.reshape(5, 60).any(0))
    light = Recorder(embedding=None)
    attack(digits, steps=2, on_step=light)
    assert light.trajectory().embedding is None
    assert light.trajectory().images is None


def test_recording_changes_nothing(digits):
    for pursuit in ("until_reached", "all_steps", "last_step"):
        plain = attack(digits, steps=4, restarts=2, pursuit=pursuit)
        recorded = attack(digits, steps=4, restarts=2, pursuit=pursuit, on_step=Recorder(images=True))
        assert all(torch.equal(*pair) for pair in zip(plain, recorded, strict=True))


def test_checkpoints_of_the_paper():
    assert checkpoints(100) == (22, 41, 57, 70, 80, 87, 93, 99)


def test_a_constant_gradient_is_followed_straight():
    """Momentum and shrinking steps change nothing if the gradient is constant."""
    weight = torch.stack([torch.ones(6), -torch.ones(6)])
    model, x = Linear(weight, torch.zeros(2)), torch.full((3, 6), 0.5)
    for name in ("mim", "bim", "apgd", "pgd"):
        recipe = ATTACKS.build(name, steps=20, loss="margin", pursuit="all_steps")
        result = recipe(model, x, Untargeted(torch.zeros(3).long()), Threat("linf", 0.2), generator=generator(0, "c"))
        assert torch.allclose(result.adversarial, torch.full((3, 6), 0.3))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"restarts": 0}, "restarts must be >= 1, got 0"),
        ({"step_size": -0.1}, r"step_size must be > 0 \(or left out, for max\(eps/4, 2.5 eps/steps\)\), got -0.1"),
        ({"restarts": 2, "random_start": False}, "restarts=2 without random_start would repeat the same search"),
    ],
)
def test_bad_parameters_are_named(parameters, text):
    with pytest.raises(ValueError, match=text):
        PGD(**parameters)


def test_bad_parameters_of_others_are_named():
    for name, parameters, text in (
        ("apgd", {"targets": -1}, "targets must be >= 0, got -1"),
        ("mim", {"decay": -1.0}, "decay must be >= 0, got -1.0"),
        ("rfgsm", {"share": 0.0}, "share must be > 0, got 0.0"),
        ("pgd", {"pursuit": "forever"}, "pursuit: must be one of"),
    ):
        with pytest.raises(ValueError, match=text):
            ATTACKS.build(name, **parameters)


peers = pytest.mark.peers


def agree(ours, theirs):
    """Within chance: few images are fooled by only one of the two, on either side."""
    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return abs(only_ours - only_theirs) <= 3 * max(1, only_ours + only_theirs) ** 0.5


@peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(importlib.util.find_spec("foolbox") is None, reason="foolbox is not installed")
@pytest.mark.parametrize(("norm", "eps", "step_size"), [("linf", 0.1, 0.01), ("l2", 0.6, 0.06)])
def test_pgd_is_as_strong_as_that_of_foolbox(digits, norm, eps, step_size):
    import foolbox

    class Logits(nn.Module):
        def forward(self, x):
            return digits.model(x).logits

    theirs = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}[norm]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1), device="cpu")
        criterion = foolbox.Misclassification(digits.y)
        made = theirs(abs_stepsize=step_size, steps=20).run(model, digits.x, criterion, epsilon=eps)
    fooled = digits.model(made).logits.argmax(1) != digits.y
    result = attack(digits, threat=Threat(norm, eps), n=200, steps=20, step_size=step_size, pursuit="last_step")
    assert 0.2 < fooled.float().mean() < 0.8
    assert agree(result.success, fooled)


@peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(importlib.util.find_spec("pyautoattack") is None, reason="pyautoattack is not installed")
@pytest.mark.parametrize("loss", ["ce", "dlr", "targeted"])
@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 0.6), ("l1", 1.0)])
def test_apgd_is_as_strong_as_the_reference(digits, norm, eps, loss):
    from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

    settings = {"n_iter": 30, "norm": {"linf": "Linf", "l2": "L2", "l1": "L1"}[norm], "eps": eps, "verbose": False}
    with torch.random.fork_rng():
        if loss == "targeted":
            theirs = APGDAttack_targeted(lambda x: digits.model(x).logits, n_target_classes=3, **settings)
        else:
            theirs = APGDAttack(lambda x: digits.model(x).logits, loss=loss, **settings)
        made = theirs.perturb(digits.x, digits.y)
    with evaluating(digits.model), torch.no_grad():
        fooled = digits.model(made).logits.argmax(1) != digits.y
    recipe = APGD(steps=30, targets=3) if loss == "targeted" else APGD(steps=30, loss=loss)
    result = attack(digits, threat=Threat(norm, eps), n=200, recipe=recipe)
    assert 0.2 < fooled.float().mean() < 0.8
    assert agree(result.success, fooled) or result.success.sum() > fooled.sum()
