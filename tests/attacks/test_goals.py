"""Surrogates against explicit loops; goals about the embedding against geometry."""

import pytest
import torch
from attack_cases import Linear

from tla.attacks import PGD, CollideWithEmbedding, EvadeDetector, LeaveEmbedding, Targeted, Untargeted
from tla.attacks.goals import Toward
from tla.attacks.goals.checks import check_surrogate
from tla.seeding import generator
from tla.tensors import as_labels
from tla.threat import Threat
from tla.types import Outputs

LOGITS = torch.randn(6, 5, generator=generator(0, "goals"))
Y = torch.tensor([0, 1, 2, 3, 4, 0])
TARGET = torch.tensor([1, 2, 3, 4, 0, 4])
OUTPUTS = Outputs(LOGITS, LOGITS)


def by_hand(kind, row, y, target):
    """The values of the papers, one example at a time, on plain numbers."""
    z = row.tolist()
    p = row.double().softmax(0).tolist()
    ordered = sorted(z, reverse=True)
    others = [value for k, value in enumerate(z) if k != y]
    rest = [value for k, value in enumerate(z) if k != target]
    spread = ordered[0] - (ordered[2] + ordered[3]) / 2
    return {
        ("ce", "untargeted"): -torch.tensor(p[y]).log().item(),
        ("margin", "untargeted"): max(others) - z[y],
        ("cw", "untargeted"): -max(0, z[y] - max(others) + 50),
        ("dlr", "untargeted"): -(z[y] - max(others)) / (ordered[0] - ordered[2]),
        ("ce", "targeted"): torch.tensor(p[target]).log().item(),
        ("margin", "targeted"): z[target] - max(rest),
        ("cw", "targeted"): -max(0, max(rest) - z[target] + 50),
        ("dlr", "targeted"): (z[target] - max(rest)) / spread,
        ("ce", "toward"): torch.tensor(p[target]).log().item(),
        ("margin", "toward"): z[target] - z[y],
        ("cw", "toward"): -max(0, z[y] - z[target] + 50),
        ("dlr", "toward"): -(z[y] - z[target]) / spread,
    }[kind]


@pytest.mark.parametrize("surrogate", ["ce", "margin", "cw", "dlr"])
@pytest.mark.parametrize("kind", ["untargeted", "targeted", "toward"])
def test_surrogates_by_hand(kind, surrogate):
    goals = {"untargeted": Untargeted(Y), "targeted": Targeted(TARGET), "toward": Toward(Y, TARGET)}
    found = goals[kind].using(surrogate).value(OUTPUTS)
    expected = [by_hand((surrogate, kind), *row) for row in zip(LOGITS, Y.tolist(), TARGET.tolist(), strict=True)]
    assert torch.allclose(found, torch.tensor(expected), atol=1e-5)


def test_reached():
    predictions = LOGITS.argmax(1)
    assert Untargeted(Y).reached(OUTPUTS).tolist() == (predictions != Y).tolist()
    assert Toward(Y, TARGET).reached(OUTPUTS).tolist() == (predictions != Y).tolist()
    assert Targeted(predictions).reached(OUTPUTS).all()
    assert not Targeted((predictions + 1) % 5).reached(OUTPUTS).any()


def test_rivals_are_the_likeliest_wrong_classes():
    for row, y in enumerate(Y.tolist()):
        wrong = [k for k in LOGITS[row].argsort(descending=True).tolist() if k != y]
        for rank, k in enumerate(wrong):
            goal = Untargeted(Y).toward(rank, OUTPUTS)
            assert isinstance(goal, Toward)
            assert goal.target[row] == k
    assert Untargeted(Y).toward(4, OUTPUTS) is None


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: as_labels("y", Y.float()),
            r"y must be class indices: whole numbers of shape \(n,\), got torch.float32",
        ),
        (lambda: as_labels("target", None), "target must be a tensor, an array or a list of numbers, got NoneType"),
        (lambda: check_surrogate("hinge"), "surrogate must be one of ce, margin, dlr, cw, got 'hinge'"),
        (lambda: Untargeted(Y + 1).check(OUTPUTS), r"y must lie in 0..4 \(the model has 5 classes\), got 1..5"),
        (lambda: Targeted(TARGET - 1).check(OUTPUTS), r"target must lie in 0..4 .* got -1..3"),
        (
            lambda: Untargeted(Y * 0, "dlr").check(Outputs(LOGITS[:, :2], LOGITS)),
            "dlr needs at least 3 classes, the model has 2; use 'margin'",
        ),
        (
            lambda: LeaveEmbedding(torch.zeros(6, 4)).check(OUTPUTS),
            "embedding has 4 values per example, the model's has 5",
        ),
        (
            lambda: EvadeDetector(Untargeted(Y), lambda outputs: outputs.logits).check(OUTPUTS),
            r"score must give one number per example, shape \(6,\), got \(6, 5\)",
        ),
    ],
)
def test_bad_goals_are_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def identity():
    """A model whose embedding is the image."""
    return Linear(torch.randn(4, 12, generator=generator(0, "w")), torch.zeros(4))


def images(n=5):
    return 0.5 + 0.1 * torch.rand(n, 3, 4, generator=generator(0, "x"))


def test_collision_is_the_nearest_point_of_the_ball():
    x = images()
    place = 0.5 + 0.3 * torch.rand(5, 12, generator=generator(1, "t"))
    goal = CollideWithEmbedding(place, "euclidean")
    result = PGD(steps=200, step_size=0.002)(identity(), x, goal, Threat("l2", 0.1), generator=generator(0, "g"))
    line = place - x.flatten(1)
    nearest = x.flatten(1) + 0.1 * line / line.norm(dim=1, keepdim=True)
    assert torch.allclose(result.adversarial.flatten(1), nearest, atol=2e-3)
    assert not result.success.any()
    far = CollideWithEmbedding(place, "euclidean", near=float(line.norm(dim=1).max()) - 0.09)
    assert PGD(steps=50)(identity(), x, far, Threat("l2", 0.1), generator=generator(0, "g")).success.all()


def test_leaving_ends_on_the_sphere():
    x = images()
    goal = LeaveEmbedding(x.flatten(1), "euclidean", enough=0.0999)
    result = PGD(steps=20)(identity(), x, goal, Threat("l2", 0.1), generator=generator(0, "g"))
    assert result.success.all()
    assert torch.allclose(result.value, torch.tensor(0.1), atol=1e-4)


def test_evading_lowers_the_score_of_images_that_fool(digits):
    attack, threat = PGD(steps=20, loss="margin", pursuit="all_steps"), Threat("linf", 0.15)
    x, y = digits.x[:80], digits.y[:80]

    def score(outputs):
        return -outputs.logits.logsumexp(1)

    plain = attack(digits.model, x, Untargeted(y), threat, generator=generator(0, "a"))
    goal = EvadeDetector(Untargeted(y), score)
    adaptive = attack(digits.model, x, goal, threat, generator=generator(0, "a"))
    fooled = digits.model(adaptive.adversarial).logits.argmax(1) != y
    assert fooled.sum() >= 0.9 * plain.success.sum()
    both = fooled & plain.success
    before, after = (score(digits.model(result.adversarial))[both] for result in (plain, adaptive))
    assert after.mean() < before.mean()
    limit = before.median().item()
    evading = EvadeDetector(Untargeted(y), score, threshold=limit)
    found = attack(digits.model, x, evading, threat, generator=generator(0, "a"))
    outputs = digits.model(found.adversarial)
    assert torch.equal(found.success, (outputs.logits.argmax(1) != y) & (score(outputs) < limit))
    assert found.success[both].float().mean() > 0.5
