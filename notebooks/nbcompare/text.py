"""Printed text: words exactly, numbers to their last printed digit."""

import re
from decimal import Decimal
from itertools import zip_longest

from nbcompare.difference import Difference

NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")


def compare_text(stored: str, shown: str) -> list[Difference]:
    """Compare line by line.

    Words must match; the number of blanks between them is ignored, because a changed sign shifts a table's columns.
    Integers must match. A number with decimals may be off by one in its last printed digit, which is pointed out; more
    than that is fatal.

    Args:
        stored: The text in the notebook.
        shown: The new text.
    """
    found = []
    lines = zip_longest(stored.splitlines(), shown.splitlines(), fillvalue=None)
    for number, (old, new) in enumerate(lines, start=1):
        difference = _compare_line(old, new)
        if difference is not None:
            found.append(difference.inside(f"line {number}"))
    return found


def _compare_line(old: str | None, new: str | None) -> Difference | None:
    if old is None or new is None:
        missing = "new, not stored" if old is None else "stored, now missing"
        return Difference("", f"{(old or new or '').strip()!r} {missing}", True)
    if _words(old) != _words(new):
        return Difference("", f"stored {old.strip()!r}, got {new.strip()!r}", True)
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
    steps = max((_steps_apart(a, b) for a, b in pairs), default=Decimal(0))
    if steps == 0:
        return None
    return Difference("", f"stored {old.strip()!r}, got {new.strip()!r}", steps > 1)


def _words(line: str) -> list[str]:
    return NUMBER.sub(" \0 ", line).split()


def _steps_apart(old: str, new: str) -> Decimal:
    """Distance in units of the last digit that both print; infinite for different integers."""
    a, b = (Decimal(text.replace("\u2212", "-")) for text in (old, new))
    if a == b:
        return Decimal(0)
    unit = max(_last_digit(old), _last_digit(new))
    return abs(a - b) / unit if unit is not None and "." in old + new else Decimal("Infinity")


def _last_digit(number: str) -> Decimal:
    """The value of one step in the last printed digit: 0.01 for "12.34", 1e-7 for "1.5e-06"."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Decimal(1).scaleb(int(exponent or 0) - decimals)
