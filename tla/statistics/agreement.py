"""Do predictions agree with the labels more often than by chance?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tla.statistics.exact import LEVEL, binomial_tail

CHUNKS, CHUNK = 9, 1111
"""9,999 orders of the labels in all."""


class Agreement(NamedTuple):
    """How many predictions are right, and how many would be by chance.

    Attributes:
        right: Number of right predictions.
        n: Number of predictions.
        chance: Share expected if the same predictions fell on the images at random.
        p: Probability of at least as many by chance.
        least: Smallest p that so many labels allow, that of all right.
    """

    right: int
    n: int
    chance: float
    p: float
    least: float

    @property
    def above_chance(self) -> bool:
        """True where chance is refuted at the level of 1 %."""
        return self.p <= LEVEL

    @property
    def decidable(self) -> bool:
        """False if there are too few labels for any prediction to refute chance."""
        return self.least <= LEVEL


def agreement(prediction: ArrayLike, y: ArrayLike, classes: int) -> Agreement:
    """Permutation test of agreement: labels are dealt out again 9,999 times, with a fixed seed.

    A constant prediction is never above chance, however unequal the classes are. If all labels are the same, each
    prediction is right by chance with probability 1 / classes instead.

    Args:
        prediction: Predicted classes, shape (n,), n >= 1.
        y: True classes, shape (n,).
        classes: Number of classes, >= 2.

    Raises:
        ValueError: for no labels, other lengths, or fewer than two classes.
    """
    guess, labels = np.asarray(prediction), np.asarray(y)
    if guess.ndim != 1 or guess.shape != labels.shape or not len(labels) or classes < 2:
        got = f"shapes {guess.shape} and {labels.shape}, {classes} classes"
        raise ValueError(f"agreement needs two rows of n >= 1 classes, and at least 2 classes; got {got}")
    right, n = int((guess == labels).sum()), len(labels)
    if len(np.unique(labels)) == 1:
        chance = 1 / classes
        return Agreement(right, n, chance, binomial_tail(right, n, chance), binomial_tail(n, n, chance))
    known, counts = np.unique(labels, return_counts=True)
    chance = sum(int(count) * int((guess == label).sum()) for label, count in zip(known, counts, strict=True)) / n**2
    return Agreement(right, n, chance, *_shares(guess, labels, right))


def _shares(guess: np.ndarray, labels: np.ndarray, right: int) -> tuple[float, float]:
    """Shares of the orders that agree with the guess, and with the labels, as often; the observed order included."""
    known, own = np.unique(labels, return_inverse=True)
    own = own.astype(np.int16 if len(known) < 2**15 else np.int32)
    found = np.searchsorted(known, guess).clip(max=len(known) - 1)
    found = np.where(known[found] == guess, found, -1).astype(own.dtype)
    random, as_often, all_right = np.random.default_rng(0), 1, 1
    for _ in range(CHUNKS):
        dealt = random.permuted(np.broadcast_to(own, (CHUNK, len(own))), axis=1)
        as_often += int(((dealt == found).sum(1) >= right).sum())
        all_right += int((dealt == own).all(1).sum())
    total = 1 + CHUNKS * CHUNK
    return as_often / total, all_right / total
