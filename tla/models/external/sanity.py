"""Is a given model what its user believes it to be? Asked of a few labelled images, before any attack."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from tla.models.network.calling import on_copy
from tla.models.network.mode import evaluating
from tla.statistics.agreement import Agreement, agreement
from tla.statistics.exact import sign_test
from tla.types import Model, Outputs

LEVEL, GAIN = 0.001, 0.1
"""Another reading of the outputs is reported if it is right for GAIN more of the images, significantly at LEVEL."""
NAMED = 4


class SanityCheck(NamedTuple):
    """What a model answers on labelled images without any attack.

    Attributes:
        clean: Right predictions, and how many would be right by chance.
        warnings: A sentence per doubt, the likeliest cause first; empty if all is well.
        order: For each class, the logit that seems to be its own, if another order fits much better.
        swapped: True if the embedding seems to be the logits.
    """

    clean: Agreement
    warnings: tuple[str, ...]
    order: tuple[int, ...] | None = None
    swapped: bool = False


def sanity_check(
    model: Model,
    x: Float[Tensor, "n ..."] | UInt8[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    classes: Sequence[str],
    batch: int = 100,
) -> SanityCheck:
    """Compare a model's clean predictions with the labels: a few hundred images are enough.

    Args:
        model: Maps images in [0, 1] to `Outputs`; evaluated in evaluation mode, and left as it was.
        x: Images, shape (n, ...), in [0, 1] or bytes 0..255, n >= 1; may be on another device than the model.
        y: True classes, shape (n,).
        classes: Names of the data's classes.
        batch: Images per forward pass.

    Raises:
        ValueError: if the model has another number of classes than the data, or a label has no class.
    """
    return doubts_about(_outputs(model, x, batch), y.cpu().numpy(), classes)


def doubts_about(outputs: Outputs, labels: Int[np.ndarray, " n"], classes: Sequence[str]) -> SanityCheck:
    """As `sanity_check`, of outputs that are there already.

    Args:
        outputs: Logits and embeddings of clean images.
        labels: Their classes, shape (n,).
        classes: Names of the data's classes.

    Raises:
        ValueError: as `sanity_check`.
    """
    logits = outputs.logits
    if logits.shape[1] != len(classes):
        raise ValueError(f"the model has {logits.shape[1]} classes, the data has {len(classes)}{choose(len(classes))}")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"labels must be 0..{len(classes) - 1}, got {labels.min()} to {labels.max()}")
    prediction = logits.argmax(1).cpu().numpy()
    clean = agreement(prediction, labels, len(classes))
    swapped = _swapped(outputs, prediction, labels)
    order = None if swapped else _other_order(prediction, labels, len(classes))
    doubts = []
    if swapped:
        better = float((outputs.embedding.argmax(1).cpu().numpy() == labels).mean())
        doubts.append(
            f"the model seems to return (embedding, logits): the second output is right on {better:.0%} of "
            f"{clean.n} clean images, the first on {clean.right / clean.n:.0%}; return (logits, embedding)"
        )
    if order is not None:
        doubts.append(_order_sentence(order, prediction, labels, classes))
    if clean.decidable and not clean.above_chance:
        doubts.append(chance_sentence(clean))
    return SanityCheck(clean, tuple(doubts), order, swapped)


def choose(classes: int) -> str:
    """What to do about a model with another number of classes than the data."""
    return f"; if some of its logits are the data's classes, name those {classes} with order (--order)"


def chance_sentence(clean: Agreement) -> str:
    """That clean accuracy is not above chance, and what to look at."""
    found = f"{clean.right} of {clean.n} clean images are right, {clean.chance * clean.n:.3g} would be by chance"
    if not clean.decidable:
        return f"{found}: {clean.n} images of these classes are too few to tell whether the model has learned anything"
    return (
        f"clean accuracy is not above chance ({found}, p = {clean.p:.2g}): are the weights loaded, and do mean, std, "
        "channels and the order of the classes fit?"
    )


def _outputs(model: Model, x: Tensor, batch: int) -> Outputs:
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    found = []
    with evaluating(model), torch.no_grad():
        for images in x.split(batch):
            images = images.to(device)
            found.append(on_copy(model, images.float() / 255 if images.dtype == torch.uint8 else images))
    return Outputs(*(torch.cat([values.float().cpu() for values in column]) for column in zip(*found, strict=True)))


def _swapped(outputs: Outputs, prediction: np.ndarray, labels: np.ndarray) -> bool:
    if outputs.embedding.shape[1] != outputs.logits.shape[1]:
        return False
    return _much_better(outputs.embedding.argmax(1).cpu().numpy(), prediction, labels)


def _other_order(prediction: np.ndarray, labels: np.ndarray, classes: int) -> tuple[int, ...] | None:
    """The logit of each class that fits best, if what is found in each half of the images fits the other half."""
    half = np.random.default_rng(0).permutation(len(labels)) % 2 == 0
    other = np.empty_like(prediction)
    for seen in (half, ~half):
        found = _assignment(prediction[seen], labels[seen], classes)
        other[~seen] = np.argsort(found)[prediction[~seen]]
    return _assignment(prediction, labels, classes) if _much_better(other, prediction, labels) else None


def _assignment(prediction: np.ndarray, labels: np.ndarray, classes: int) -> tuple[int, ...]:
    """For each class one logit, so that most predictions are right; a class without images keeps its own if it can."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, prediction), 1.0)
    return tuple(int(logit) for logit in linear_sum_assignment(counts + 1e-3 * np.eye(classes), maximize=True)[1])


def _much_better(other: np.ndarray, prediction: np.ndarray, labels: np.ndarray) -> bool:
    before, after = prediction == labels, other == labels
    if not len(labels) or after.mean() - before.mean() <= GAIN:
        return False
    return sign_test(int((after & ~before).sum()), int((before & ~after).sum())) < LEVEL


def _order_sentence(order: tuple[int, ...], prediction: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> str:
    moved = [(number, logit) for number, logit in enumerate(order) if number != logit]
    told = ", ".join(f"{classes[number]!r} (class {number}) by logit {logit}" for number, logit in moved[:NAMED])
    more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    before, after = (float((values == labels).mean()) for values in (prediction, np.argsort(order)[prediction]))
    words = " ".join(map(str, order))
    mend = f"set order to {words} (--order {words})"
    return (
        f"the model's classes seem to be in another order than the data's: it answers {told}{more}; in that order "
        f"{after:.0%} of {len(labels)} clean images are right instead of {before:.0%}: {mend}"
    )
