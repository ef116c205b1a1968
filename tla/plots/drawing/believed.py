"""The audit in one sentence, to be said wherever an accuracy is."""

from typing import NamedTuple

from tla.plots.base import Frame

MOST_NAMED = 4


class Believed(NamedTuple):
    """What the audit says about a study's accuracies.

    Attributes:
        word: The worst verdict of any check on any model: "FAIL", "WARN", "OK", or "NOT RUN".
        text: A sentence that names what failed.
    """

    word: str
    text: str


def believed(audit: Frame | None) -> Believed:
    """What may be believed of a study's accuracies, from its `audit` table; None or no rows if it was not run."""
    if audit is None or not len(audit):
        return Believed("NOT RUN", "Not audited: nothing says whether the attacks were strong enough")
    for word, says in (
        ("FAIL", "do not believe these accuracies before it is mended"),
        ("WARN", "look at it before you quote these accuracies"),
    ):
        rows = audit[audit["verdict"] == word]
        if len(rows):
            models = {f"{method} seed {seed}" for method, seed in zip(rows["method"], rows["seed"], strict=True)}
            where = f"{len(models)} of {len(audit.drop_duplicates(['method', 'seed']))} models"
            return Believed(word, f"Audit: {word} ({_names(rows)}) on {where}: {says}")
    ran = int((audit["verdict"] == "OK").sum())
    if not ran:
        return Believed("NOT RUN", "Audit: no check could be run, so nothing says whether to believe these accuracies")
    return Believed("OK", f"Audit: OK ({ran} checks passed, none failed)")


def _names(rows: Frame) -> str:
    """Checks by how many models they concern, the most first."""
    names = [str(name) for name in rows["check"].value_counts().index]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
