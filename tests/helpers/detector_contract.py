"""What holds for any registered detector: `check_detector(name)` runs it all, without fixtures."""

import dataclasses
import re
from typing import NamedTuple

import torch
from docstrings import undocumented
from torch import Tensor

from tla.representation import DETECTORS, Score
from tla.statistics.roc import Sides, auc
from tla.types import Outputs

D, C = 6, 3


class Blobs(NamedTuple):
    """Outputs of three classes, and the class of each row."""

    outputs: Outputs
    y: Tensor


def head(embedding: Tensor) -> Outputs:
    """The logits of a model whose last layer reads the first C features."""
    return Outputs(embedding @ torch.eye(D, C), embedding)


def blobs(seed: int, n: int, spread: float = 1.0) -> Blobs:
    """Three classes on the axes, behind a ReLU."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % C
    return Blobs(head((4 * torch.eye(C, D)[y] + spread * torch.randn(n, D, generator=rng)).relu()), y)


def fit(name: str) -> Score:
    """A detector with its default settings, fitted on 300 embeddings."""
    outputs, y = blobs(0, 300)
    return DETECTORS.build(name).fit(outputs.embedding, outputs.logits, y)


def check_detector(name: str) -> None:
    """All that is asked of one registered detector; a failure says what to change.

    Args:
        name: As registered in `DETECTORS`.
    """
    for check in DETECTOR_CHECKS:
        check(name)


def is_documented_and_frozen(name: str) -> None:
    detector = DETECTORS.get(name)
    frozen = dataclasses.is_dataclass(detector) and detector.__dataclass_params__.frozen
    assert frozen, f"{name}: add @dataclass(frozen=True, kw_only=True)"
    assert (detector.__doc__ or "").strip(), f"{name}: say in its docstring what the score is"
    missing = undocumented(detector)
    assert not missing, f"{name}: explain {', '.join(missing)} under Args in its docstring"


def scores_each_example_alone(name: str) -> None:
    """One finite float32 score per example, whatever the batch, and the same after a second fit."""
    score, test = fit(name), blobs(1, 8).outputs
    whole = score(test)
    assert whole.shape == (8,), f"{name}: a score must have shape (8,) for 8 examples, got {tuple(whole.shape)}"
    assert whole.dtype == torch.float32, f"{name}: scores must be float32, got {whole.dtype}"
    assert whole.isfinite().all(), f"{name}: scores must be finite"
    for b in (1, 3):
        some = score(Outputs(test.logits[:b], test.embedding[:b]))
        torch.testing.assert_close(some, whole[:b], rtol=1e-4, atol=1e-4, msg=f"{name}: scores depend on the batch")
    assert torch.equal(fit(name)(test), whole), f"{name}: a second fit gives other scores; take a seed as a setting"


def far_from_training_is_more_suspicious(name: str) -> None:
    score, ordinary = fit(name), blobs(2, 90).outputs
    odd = torch.rand(90, D, generator=torch.Generator().manual_seed(3)) * 3
    odd[:, :C] *= 0.4
    area = auc(Sides(score(head(odd)).double().numpy(), score(ordinary).double().numpy()))
    assert area > 0.75, f"{name}: scores must be larger far from training (AUC > 0.75), got {area:.2f}; is it negated?"


def has_the_gradient_an_adaptive_attacker_needs(name: str) -> None:
    score, test = fit(name), blobs(4, 5).outputs
    embedding = test.embedding.clone().requires_grad_()
    value = score(head(embedding)).sum()
    assert value.requires_grad, f"{name}: the score must be differentiable through embedding or logits"
    (gradient,) = torch.autograd.grad(value, embedding)
    assert gradient.abs().amax() > 0, f"{name}: the gradient of the score is zero"
    step = 1e-3 * torch.randn(5, D, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        up, down = score(head(embedding + step)), score(head(embedding - step))
    predicted = 2 * (gradient * step).sum(1)
    size = float(score(test).abs().max())
    torch.testing.assert_close(up - down, predicted, rtol=0.05, atol=2e-4 * size, msg=f"{name}: wrong gradient")


def rejects_unfit_training_data_or_ignores_it(name: str) -> None:
    """Infinite embeddings and labels out of range raise, unless `fit` learns nothing from them."""
    outputs, y = blobs(0, 300)
    infinite = outputs.embedding.clone()
    infinite[0, 0] = torch.inf
    cases = {"embedding": (infinite, y), "y": (outputs.embedding, y.index_fill(0, y[:1], 9))}
    test = blobs(1, 8).outputs
    expected = fit(name)(test)
    for argument, (embedding, labels) in cases.items():
        advice = f"{name}: fit must raise a ValueError that names {argument}; call check_training(embedding, logits, y)"
        try:
            found = DETECTORS.build(name).fit(embedding, outputs.logits, labels)(test)
        except Exception as error:
            found = error
        if isinstance(found, Exception):
            named = isinstance(found, ValueError) and re.search(rf"\b{argument}\b", str(found))
            assert named, f"{advice} first; got {found!r}"
        else:
            assert torch.equal(found, expected), f"{advice} first"


DETECTOR_CHECKS = (
    is_documented_and_frozen,
    scores_each_example_alone,
    far_from_training_is_more_suspicious,
    has_the_gradient_an_adaptive_attacker_needs,
    rejects_unfit_training_data_or_ignores_it,
)
