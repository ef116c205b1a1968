"""What holds for any registered audit check: `check_audit_check(name)` runs it all, without fixtures."""

import dataclasses
import re
from typing import NamedTuple

import torch
from docstrings import undocumented
from torch import Tensor, nn

from tla.attacks import PGD, Attack
from tla.attacks.base import AttackResult
from tla.audit import CHECKS, LEVELS, Verdict, run_audit
from tla.audit.base import WORDS, checks_of
from tla.threat import Threat
from tla.types import Outputs

CLASSES, SIDE, N = 4, 6, 24
IDS = torch.arange(N) + 100
RAISED = r"^\w+(Error|Exception|Warning)\b"


class Quarters(nn.Module):
    """Class k where the k-th quarter of the image is brightest; the embedding is the mean of each quarter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, x: Tensor) -> Outputs:
        quarters = x.unflatten(2, (2, SIDE // 2)).unflatten(4, (2, SIDE // 2)).mean((1, 3, 5)).flatten(1)
        return Outputs(self.scale * quarters, quarters)


class Undefined(Quarters):
    """Logits that are NaN."""

    def forward(self, x: Tensor) -> Outputs:
        outputs = super().forward(x)
        return Outputs(outputs.logits * torch.nan, outputs.embedding)


class BareLogits(Quarters):
    """Logits of a last linear layer, without an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(CLASSES, CLASSES, bias=False)
        nn.init.eye_(self.last.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(super().forward(x).logits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnePoint(Attack):
    """One random point of the ball: an attack without settings, gradient or steps."""

    def __call__(self, model, x, goal, threat, *, generator=None, on_step=None) -> AttackResult:
        images = threat.start(x, generator)
        with torch.no_grad():
            outputs = model(images)
        ones = torch.ones(len(x), dtype=torch.int64)
        return AttackResult(images, goal.reached(outputs), threat.distance(x, images), goal.value(outputs), ones)


class Given(NamedTuple):
    """Images, and their classes."""

    x: Tensor
    y: Tensor


def images(robust: int) -> Given:
    """Images with one brighter quarter; the attack at eps 0.1 breaks all but the first `robust`."""
    y = torch.arange(N) % CLASSES
    x = 0.4 + 0.02 * torch.rand(N, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    half = SIDE // 2
    for row, label in enumerate(y.tolist()):
        top, left = half * (label // 2), half * (label % 2)
        x[row, :, top : top + half, left : left + half] += 0.4 if row < robust else 0.1
    return Given(x, y)


def audited(name: str, model: nn.Module | None = None, *, n: int = N, robust: int = 0, **settings) -> Verdict:
    """The verdict of one check on a small, sound evaluation, with some things changed."""
    x, y = images(robust)
    given = {
        "threat": Threat("linf", 0.1),
        "attack": PGD(steps=20, loss="margin"),
        "sources": {"other": Quarters().eval()},
        "detector": lambda outputs: 0 * outputs.logits.sum(1),
    }
    model, checks = (model or Quarters()).eval(), [CHECKS.build(name)]
    return run_audit(model, x[:n], y[:n], checks=checks, ids=IDS[:n], **(given | settings))[name]


def check_audit_check(name: str) -> None:
    """All that is asked of one registered audit check; a failure says what to change.

    Args:
        name: As registered in `CHECKS`.
    """
    for check in AUDIT_CHECK_CHECKS:
        check(name)


def is_documented_and_frozen(name: str) -> None:
    check = CHECKS.get(name)
    frozen = dataclasses.is_dataclass(check) and check.__dataclass_params__.frozen
    assert frozen, f"{name}: add @dataclass(frozen=True, kw_only=True)"
    doc = check.__doc__ or ""
    assert re.search(r"\b(FAIL|WARN):", doc), f'{name}: say in its docstring when it gives which verdict: "FAIL: ..."'
    assert re.search(r"\b(19|20)\d\d\b|Source: none", doc), f'{name}: cite a source in its docstring, or "Source: none"'
    missing = undocumented(check)
    assert not missing, f"{name}: explain {', '.join(missing)} under Args in its docstring"


def has_a_place_in_the_report(name: str) -> None:
    check = CHECKS.get(name)
    same = [other for other in CHECKS.names() if CHECKS.get(other).number == check.number and other != name]
    assert isinstance(check.number, int), f"{name}: number must be a whole number, got {check.number!r}"
    assert check.number >= 1, f"{name}: number must be >= 1, got {check.number}"
    assert not same, f"{name}: number {check.number} is taken by {', '.join(same)}; choose another"
    assert check.title, f"{name}: title must say in a few words what holds if all is well"
    assert check.level in LEVELS, f"{name}: level must be one of {', '.join(LEVELS)}, got {check.level!r}"
    for level in LEVELS:
        assert (check in checks_of(level)) == (LEVELS.index(level) >= LEVELS.index(check.level))


def assert_whole(name: str, verdict: Verdict) -> None:
    """Name, number, a known word, evidence; advice if and only if something is wrong; ids of the given images."""
    number = CHECKS.get(name).number
    assert (verdict.check, verdict.number) == (name, number), f"{name}: build verdicts with self.say"
    assert verdict.verdict in WORDS, f"{name}: verdict must be one of {', '.join(WORDS)}, got {verdict.verdict!r}"
    assert verdict.evidence, f"{name}: give the numbers as evidence, or say why it did not run"
    assert not re.search(RAISED, verdict.evidence), f"{name} raised {verdict.evidence}; raise CannotRunError instead"
    if verdict.verdict != "NOT RUN":
        assert bool(verdict.advice) == verdict.tripped, f"{name}: give advice if and only if the verdict is not OK"
    assert set(verdict.ids) <= set(IDS.tolist()), f"{name}: pass rows to self.say, which turns them into ids"


def passes_a_sound_evaluation(name: str) -> None:
    """Twice the same verdict, and nothing found."""
    verdict, again = audited(name, robust=N // 2), audited(name, robust=N // 2)
    assert_whole(name, verdict)
    assert not verdict.tripped, f"{name}: a sound evaluation must pass, got {verdict.verdict}: {verdict.evidence}"
    assert verdict == again, f"{name}: take random numbers from context.source, got {verdict} and {again}"


def runs_whatever_it_is_given(name: str) -> None:
    """Odd models, attacks and threats give a verdict; what cannot run says so instead of raising."""
    for what, model, settings in (
        ("bare logits", BareLogits(), {}),
        ("NaN logits", Undefined(), {}),
        ("an attack without settings", None, {"attack": OnePoint()}),
        ("no other model and no detector", None, {"sources": {}, "detector": None}),
        ("eps 0", None, {"threat": Threat("linf", 0.0)}),
        ("one eps per image", None, {"threat": Threat("linf", torch.full((N,), 0.1))}),
        ("L2", None, {"threat": Threat("l2", 1.0)}),
        ("one image", None, {"n": 1}),
    ):
        try:
            assert_whole(name, audited(name, model, **settings))
        except AssertionError as error:
            raise AssertionError(f"with {what}: {error}") from None


AUDIT_CHECK_CHECKS = (
    is_documented_and_frozen,
    has_a_place_in_the_report,
    passes_a_sound_evaluation,
    runs_whatever_it_is_given,
)
