"""Compare a challenger with the attack under audit: which images it alone broke, and when that is a finding."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tla.audit.base import Check, Verdict, Word, worst
from tla.audit.context import Context
from tla.statistics.exact import LEVEL, TOLERANCE, at_least, exceeds, sign_test


class Comparison(NamedTuple):
    """A challenger and the attack under audit, on the same images.

    Attributes:
        rows: True where only the challenger broke the image, shape (n,).
        gained: How many images only the challenger broke.
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
        """True if, with 95 % confidence, the attack under audit missed more than 1 % of the images."""
        return exceeds(self.gained, self.n, TOLERANCE)


def compare(challenger: Tensor, audited: Tensor) -> Comparison:
    """Count the images that only one of two attacks broke.

    Args:
        challenger: True where the other attack broke the image, shape (n,).
        audited: True where the attack under audit did, shape (n,).
    """
    rows = challenger & ~audited
    gained, lost = int(rows.sum()), int((audited & ~challenger).sum())
    return Comparison(rows, gained, lost, len(rows), sign_test(gained, lost))


def equal_rule(found: Comparison, tests: int = 1) -> Word:
    """For challengers of equal rank: either of two comparable attacks may break a few more images by chance.

    FAIL: the challenger breaks significantly more (one-sided exact McNemar, p < 0.01 over the number of tests) and the
    share of missed images exceeds 1 % with 95 % confidence. WARN: only the latter.
    """
    if not found.matters:
        return "OK"
    return "FAIL" if found.p < LEVEL / tests else "WARN"


def weaker_rule(found: Comparison) -> Word:
    """For challengers that the attack under audit should beat everywhere: noise, one step, no gradient.

    FAIL: the share of missed images exceeds 1 % with 95 % confidence.
    """
    return "FAIL" if found.matters else "OK"


def verdict(check: Check, context: Context, word: Word, who: str, found: Comparison, advice: str) -> Verdict:
    """The verdict about one challenger, with the images that it alone broke as evidence.

    Args:
        check: The check that asks.
        context: Of the audit.
        word: "OK", "WARN" or "FAIL".
        who: The challenger's name.
        found: Its comparison with the attack under audit.
        advice: What to do.
    """
    evidence = f"{who} broke {found.gained} of {found.n} images that {context.run.name} missed"
    if found.lost:
        evidence += f", and missed {found.lost} that it broke (McNemar p = {found.p:.2g})"
    if found.gained:
        evidence += f"; more than {at_least(found.gained, found.n):.1%} are missed at 95 % confidence"
    return check.say(context, word, evidence, advice, found.rows)


def panel(check: Check, context: Context, broken: Mapping[str, Tensor], advice: str) -> Verdict:
    """The verdict about several challengers of equal rank: the worst one decides.

    Args:
        check: The check that asks.
        context: Of the audit.
        broken: For each challenger, True where it broke the image, shape (n,).
        advice: What to do.
    """
    audited = context.run.broken
    found = {name: compare(mask, audited) for name, mask in broken.items()}
    words: dict[str, Word] = {name: equal_rule(each, len(found)) for name, each in found.items()}
    word = worst(words.values())
    counts = ", ".join(f"{name} {each.gained} (missed {each.lost})" for name, each in found.items())
    evidence = f"of {context.n} images, broken where {context.run.name} failed: {counts}"
    if word != "OK":
        smallest = min(each.p for name, each in found.items() if words[name] == word)
        evidence += f"; smallest McNemar p = {smallest:.2g}"
    rows = torch.stack([each.rows for each in found.values()]).any(0)
    return check.say(context, word, evidence, advice, rows)
