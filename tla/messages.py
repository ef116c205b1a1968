"""Words of error messages that several rooms say."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that helps with a mistyped word.

    Args:
        word: What came.
        known: What is allowed.

    Returns:
        "did you mean 'pgd'? Known: ..." or, without a near match, only the known words.
    """
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}Known: {', '.join(names)}"
