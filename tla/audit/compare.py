"""When does what another attack broke speak against the attack under audit?"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.base import Check, Verdict, Word, worst
from tla.audit.context import Context
from tla.statistics.exact import LEVEL, TOLERANCE, at_least, exceeds, sign_test


class Missed(NamedTuple):
    """Two attacks on the same images.

    Attributes:
        rows: True where only the challenger broke the image, shape (n,).
        gained: How many those are.
        lost: How many images only the attack under audit broke.
        n: Number of images.
        p: One-sided exact McNemar test of "the challenger is not stronger".
    """

    rows: Tensor
    gained: int
    lost: int
    n: int
    p: float

    @property
    def matters(self) -> bool:
        """True where, with 95 % confidence, more than one image in a hundred was missed."""
        return exceeds(self.gained, self.n, TOLERANCE)


def compare(challenger: Tensor, audited: Tensor) -> Missed:
    """Count what only one of two attacks broke.

    Args:
        challenger: True where the other attack broke the image, shape (n,).
        audited: True where the attack under audit did, shape (n,).
    """
    rows = challenger & ~audited
    gained, lost = int(rows.sum()), int((audited & ~challenger).sum())
    return Missed(rows, gained, lost, len(rows), sign_test(gained, lost))


def equal_rule(missed: Missed, tests: int = 1) -> Word:
    """For challengers of equal rank: which of two comparable attacks is stronger is chance, until it is not.

    FAIL: the challenger breaks significantly more (one-sided exact McNemar, p < 0.01 over the number of tests) and the
    share of missed images exceeds 1 % with 95 % confidence. WARN: only the latter.
    """
    if not missed.matters:
        return "OK"
    return "FAIL" if missed.p < LEVEL / tests else "WARN"


def weaker_rule(missed: Missed) -> Word:
    """For challengers that the attack under audit should beat everywhere: noise, one step, no gradient.

    FAIL: the share of missed images exceeds 1 % with 95 % confidence.
    """
    return "FAIL" if missed.matters else "OK"


def verdict(check: Check, context: Context, word: Word, who: str, missed: Missed, advice: str) -> Verdict:
    """The sentence about what `who` broke beyond the attack under audit."""
    evidence = f"{who} broke {missed.gained} of {missed.n} images that {context.run.name} left"
    if missed.lost:
        evidence += f", and left {missed.lost} that it broke (McNemar p = {missed.p:.2g})"
    if missed.gained:
        evidence += f"; more than {at_least(missed.gained, missed.n):.1%} are missed at 95 % confidence"
    return check.say(context, word, evidence, advice, missed.rows)


def panel(check: Check, context: Context, broken: Mapping[str, Tensor], advice: str) -> Verdict:
    """The verdict about several challengers of equal rank: the worst one decides.

    Args:
        check: Who speaks.
        context: What it speaks about.
        broken: For each challenger, True where it broke the image, shape (n,).
        advice: What to do.
    """
    audited = context.run.broken
    found = {name: compare(mask, audited) for name, mask in broken.items()}
    words: dict[str, Word] = {name: equal_rule(missed, len(found)) for name, missed in found.items()}
    word = worst(words.values())
    counts = ", ".join(f"{name} {missed.gained} (left {missed.lost})" for name, missed in found.items())
    evidence = f"of {context.n} images, broken where {context.run.name} failed: {counts}"
    if word != "OK":
        least = min((missed for name, missed in found.items() if words[name] == word), key=lambda missed: missed.p)
        evidence += f"; least McNemar p = {least.p:.2g}"
    rows = torch.stack([missed.rows for missed in found.values()]).any(0)
    return check.say(context, word, evidence, advice, rows)
