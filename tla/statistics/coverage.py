"""Risk and coverage: what goes wrong among the images that a detector lets pass, over every threshold at once."""

from typing import NamedTuple

import numpy as np

from tla.statistics.frame import Frame
from tla.statistics.intervals import UNKNOWN, Z95, Interval, interval_of_share, wilson
from tla.statistics.roc import KEYS

MEASURES = ("auroc", "aurc", "augrc", "e_augrc")


class Failures(NamedTuple):
    """Everything that was shown to a model and its detector, clean and attacked, right and wrong.

    Attributes:
        score: Larger = more suspicious, refused first, shape (n,).
        wrong: Whether the prediction is wrong, shape (n,).
        image: Which image each row is a version of: rows of one image are drawn together, shape (n,).
    """

    score: np.ndarray
    wrong: np.ndarray
    image: np.ndarray


class Measures(NamedTuple):
    """Four summaries of one risk-coverage curve; smaller is better but for the first.

    Attributes:
        auroc: Probability that a wrong row scores above a right one, ties counting half; nan without both.
        aurc: Mean over coverage of the errors among the accepted, as a share of the accepted (Geifman & El-Yaniv 2017).
        augrc: Mean over coverage of the errors among the accepted, as a share of all (Traub et al. 2024):
            (1 - AUROC) * accuracy * error + error^2 / 2.
        e_augrc: AUGRC minus its least possible value at this accuracy, error^2 / 2.
    """

    auroc: float
    aurc: float
    augrc: float
    e_augrc: float


def failures(frame: Frame) -> Failures:
    """All rows of the `detection` table of one model, attack and detector, none left out.

    Args:
        frame: Columns id, y, prediction, score; clean and adversarial rows.

    Raises:
        ValueError: for a score that is NaN.
    """
    score = frame["score"].to_numpy(np.float64)
    missing = int(np.isnan(score).sum())
    if missing:
        raise ValueError(f"score must be a number, got NaN in {missing} rows")
    return Failures(score, frame["prediction"].to_numpy() != frame["y"].to_numpy(), frame["id"].to_numpy())


def measures(rows: Failures) -> Measures:
    """AUROC of failure, AURC, AUGRC and E-AUGRC; rows of equal score count as accepted in every order equally often."""
    if not len(rows.wrong):
        return Measures(*[float("nan")] * 4)
    return _measured(*_ranked(rows))


def measure_intervals(rows: Failures) -> dict[str, Interval]:
    """Each of `measures` with a 95 % interval over images, by the infinitesimal jackknife.

    How much each row moves a measure is known in closed form; the rows of one image are added up, so that an image
    counts once however many versions of it were shown. AUROC's interval has Wilson's form, as `auc_interval`.

    Args:
        rows: Of one model, attack and detector.
    """
    if not len(rows.wrong):
        return dict.fromkeys(MEASURES, UNKNOWN)
    found = measures(rows)
    image = np.unique(rows.image, return_inverse=True)[1]
    intervals = {}
    for name, value, push in zip(MEASURES, found, _pushes(rows, found), strict=True):
        error = float(np.sqrt(np.square(np.bincount(image, push)).sum())) / len(rows.wrong)
        if name == "auroc":
            least = float(min(rows.wrong.sum(), (~rows.wrong).sum()))
            intervals[name] = UNKNOWN if np.isnan(value) else interval_of_share(value, error**2, least)
        else:
            intervals[name] = Interval(value, max(0.0, value - Z95 * error), min(1.0, value + Z95 * error))
    return intervals


def risk_coverage(rows: Failures, points: int = 101) -> Frame:
    """The curve: how many of the accepted are wrong, from the least suspicious rows alone to all of them.

    Args:
        rows: Of one model, attack and detector.
        points: Of the curve, >= 2.

    Returns:
        Columns coverage (share accepted, rising to 1), risk (share of the accepted that is wrong), low and high (95 %,
        Wilson, over the distinct images among the accepted), generalised (share of all that is accepted and wrong),
        threshold (accept at and below this score). No rows where nothing was shown.
    """
    import pandas as pd

    n = len(rows.wrong)
    names = ["coverage", "risk", "low", "high", "generalised", "threshold"]
    if not n:
        return pd.DataFrame({name: np.empty(0) for name in names})
    count = np.unique(np.maximum(1, np.rint(np.linspace(0, 1, points) * n).astype(int)))
    order = np.argsort(rows.score, kind="stable")
    accepted = _accepted_errors(*_ranked(rows))[count - 1]
    first = np.zeros(n, dtype=np.int64)
    first[np.unique(rows.image[order], return_index=True)[1]] = 1
    images = np.cumsum(first)[count - 1]
    bounds = [wilson(share * n, n) for share, n in zip((accepted / count).tolist(), images.tolist(), strict=True)]
    low, high = (np.array([getattr(bound, side) for bound in bounds]) for side in ("low", "high"))
    columns = (count / n, accepted / count, low, high, accepted / n, rows.score[order][count - 1])
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


def failure_frame(detection: Frame) -> Frame:
    """The measures of every model, attack, eps and detector of the `detection` table.

    Returns:
        The grouping columns that are there (method, seed, attack, eps, detector, adaptive), then n (rows), images,
        error (share of the rows that is wrong), and auroc, aurc, augrc, e_augrc, each with _low and _high.
    """
    import pandas as pd

    keys, rows = [key for key in KEYS if key in detection.columns], []
    parts = detection.groupby(keys, sort=False, dropna=False) if keys else [((), detection)]
    for _, part in parts:
        shown = failures(part)
        row = {key: part[key].iloc[0] for key in keys}
        row |= {"n": len(part), "images": part["id"].nunique(), "error": float(shown.wrong.mean())}
        for name, interval in measure_intervals(shown).items():
            row |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
        rows.append(row)
    return pd.DataFrame(rows)


def _ranked(rows: Failures) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the least suspicious on: number of the group of equal scores, and whether each is wrong."""
    order = np.argsort(rows.score, kind="stable")
    groups = np.unique(rows.score, return_inverse=True)[1][order]
    return groups, rows.wrong[order].astype(np.float64)


def _accepted_errors(groups: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Errors among the first 1, 2, ..., n rows; within a group of equal scores the mean over all orders."""
    total = np.cumsum(wrong)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    if len(starts) == len(groups):
        return total
    sizes = np.diff(np.append(starts, len(groups)))
    before = np.append(0.0, total)[starts]
    errors = np.append(0.0, total)[starts + sizes] - before
    place = np.arange(1, len(groups) + 1) - np.repeat(starts, sizes)
    return np.repeat(before, sizes) + np.repeat(errors / sizes, sizes) * place


def _measured(groups: np.ndarray, wrong: np.ndarray) -> Measures:
    """`measures` of ranked rows.

    A wrong row adds to the sum of accepted errors the rows accepted after it; the right ones among them are the pairs
    that AUROC counts as lost.
    """
    n, count = len(wrong), float(wrong.sum())
    accepted, error = _accepted_errors(groups, wrong), count / n
    lost = float(accepted.sum()) - count * (count + 1) / 2
    auroc = 1 - lost / (count * (n - count)) if 0 < count < n else float("nan")
    excess = lost / n**2
    return Measures(auroc, float((accepted / np.arange(1, n + 1)).mean()), excess + error**2 / 2, excess)


def _pushes(rows: Failures, found: Measures) -> tuple[np.ndarray, ...]:
    """The influence of each row on each measure: what one more such row would add, times n, in the order of `rows`."""
    n, order = len(rows.wrong), np.argsort(rows.score, kind="stable")
    wrong, accepted, k = rows.wrong[order].astype(float), _accepted_errors(*_ranked(rows)), np.arange(1, n + 1)
    later = np.cumsum((1 / k)[::-1])[::-1], np.cumsum((accepted / k**2)[::-1])[::-1]
    aurc = accepted / k - found.aurc + wrong * later[0] - later[1]
    augrc = accepted / n + wrong * (n - k + 1) / n - 2 * found.augrc
    error = wrong.mean()
    excess = augrc - error * (wrong - error)
    spread = error * (1 - error)
    auroc = np.zeros(n)
    if spread > 0:
        auroc = -(excess * spread - found.e_augrc * (1 - 2 * error) * (wrong - error)) / spread**2
    back = np.argsort(order, kind="stable")
    return tuple(push[back] for push in (auroc, aurc, augrc, excess))
