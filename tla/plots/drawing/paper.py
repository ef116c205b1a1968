"""The accuracies of the paper (Mao et al., NeurIPS 2019), to show next to a study's own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.statistics.accuracy import CLEAN, OUTCOMES, accuracy

ATTACKS = ("clean", "fgsm", "bim", "cw", "pgd", "20xpgd", "mim")
MNIST = {
    "natural": (99.20, 34.48, 0.0, 0.0, 0.0, 0.0, 0.0),
    "at": (99.24, 97.31, 95.95, 96.66, 94.82, 93.87, 95.47),
    "alp": (98.91, 97.34, 96.00, 96.50, 95.06, 94.93, 95.41),
    "tla-rn": (99.50, 98.12, 97.17, 97.17, 97.07, 96.73, 96.84),
    "tla-sa": (99.44, 98.14, 97.08, 97.45, 96.78, 95.64, 96.45),
    "tla": (99.52, 98.17, 97.32, 97.25, 96.96, 96.79, 96.64),
}
CIFAR10 = {
    "natural": (95.01, 13.35, 0.0, 0.0, 0.0, 0.0, 0.0),
    "at": (87.14, 55.63, 48.29, 46.97, 45.72, 45.21, 45.16),
    "alp": (89.79, 60.29, 50.62, 47.59, 48.50, 45.98, 45.97),
    "tla-rn": (81.02, 55.41, 51.44, 49.66, 49.94, 45.55, 49.63),
    "tla-sa": (86.19, 58.80, 52.19, 49.64, 49.70, 49.15, 49.29),
    "tla": (86.21, 58.88, 52.60, 50.69, 51.59, 50.03, 50.09),
}
CONFIRMED = {"cw", "20xpgd", "mim"}
"""Attacks whose numbers the poster's bars confirm; the other columns are recalled from the paper."""

STEPS = {
    "mnist": {"bim": 40, "cw": 40, "pgd": 100, "20xpgd": 100, "mim": 40},
    "cifar10": {"bim": 7, "cw": 30, "pgd": 20, "20xpgd": 20, "mim": 40},
}
"""Steps of the attacks in these tables."""
OTHER_STEPS = {
    ("mnist", "pgd", 40): {"natural": 0.0, "at": 96.58, "alp": 96.62, "tla-rn": 97.64, "tla-sa": 97.50, "tla": 97.72},
}
"""What the paper has for an attack with other steps."""

TABLES = {"mnist": (MNIST, 0.3), "cifar10": (CIFAR10, 8 / 255)}

POOL = {
    1: (49.67, 49.95, 49.63),
    250: (50.49, 50.72, 50.32),
    500: (51.30, 50.46, 50.08),
    1000: (50.89, 51.22, 50.74),
    2000: (50.57, 50.20, 49.79),
}
"""CIFAR-10, eps 8/255, TLA: accuracy (%) under C&W, PGD-20 and MIM by the size of the pool, from the poster."""


def paper_accuracy(data_set: str, suite: Mapping[str, Any] | None = None) -> Frame:
    """Accuracies that Mao et al. (NeurIPS 2019) report; PGD is PGD-100 on MNIST and PGD-20 on CIFAR-10.

    Args:
        data_set: "mnist" or "cifar10"; the paper has no others.
        suite: A study's attacks by label, as its manifest has them: PGD-40 is no PGD-100, so that attacks with other
            steps than the paper's are replaced by the paper's figure for those steps, or left out. By default all.

    Returns:
        Columns method, attack, eps, accuracy (0..1), confirmed (by the poster); empty for other data sets.
    """
    table, eps = TABLES.get(data_set, ({}, 0.0))
    asked = {attack: (_steps(suite, attack), steps) for attack, steps in STEPS.get(data_set, {}).items()}
    instead = {
        attack: OTHER_STEPS.get((data_set, attack, ours), {})
        for attack, (ours, theirs) in asked.items()
        if ours not in (None, theirs)
    }
    rows = [
        (
            method,
            attack,
            0.0 if attack == "clean" else eps,
            told / 100,
            attack in CONFIRMED and attack not in instead and method != "natural",
        )
        for method, values in table.items()
        for attack, value in zip(ATTACKS, values, strict=True)
        if (told := instead[attack].get(method) if attack in instead else value) is not None
    ]
    return pd.DataFrame(rows, columns=["method", "attack", "eps", "accuracy", "confirmed"])


def _steps(suite: Mapping[str, Any] | None, attack: str) -> int | None:
    """Steps of one of a study's attacks, if that is known."""
    settings = (suite or {}).get(attack)
    return settings.get("steps") if isinstance(settings, Mapping) else None


def against_paper(attacks: Frame, data_set: str, norm: str, suite: Mapping[str, Any] | None = None) -> Frame:
    """Accuracies of the paper, those of a study, and their differences, where both have them at the paper's eps.

    Args:
        attacks: The `attacks` table.
        data_set: Name of the study's data.
        norm: Norm of its threat; the paper's is linf.
        suite: As for `paper_accuracy`.

    Returns:
        Columns method, attack, eps, paper, ours, low, high (95 %, Wilson), difference (ours minus paper), all 0..1,
        n, seeds, confirmed; no row for another data set, eps or norm.
    """
    paper = paper_accuracy(data_set if norm == "linf" else "", suite).rename(columns={"accuracy": "paper"})
    eps = float(paper["eps"].max()) if len(paper) else np.nan
    here = np.isclose(attacks["eps"].to_numpy(float), eps)
    if not here.any():
        return paper.iloc[:0].assign(ours=0.0, low=0.0, high=0.0, difference=0.0, n=0, seeds=0)
    rows = attacks.loc[here | (attacks["attack"] == CLEAN).to_numpy(bool), OUTCOMES]
    ours = accuracy(rows).rename(columns={"accuracy": "ours"}).drop(columns="eps")
    both = paper.merge(ours, on=["method", "attack"])
    return both.assign(difference=both["ours"] - both["paper"])


def paper_pool() -> Frame:
    """Accuracies of TLA on all 10,000 test images of CIFAR-10 by the size of its negative pool (Mao et al. 2019).

    Returns:
        Columns as the table `ablation` of `tla sweep`: parameter, value, method, variant, seed, attack, eps, accuracy,
        n.
    """
    rows = [
        ("method.tla.pool", float(size), "tla", f"tla@pool={size}", 0, attack, 8 / 255, value / 100, 10_000)
        for size, values in POOL.items()
        for attack, value in zip(("cw", "pgd", "mim"), values, strict=True)
    ]
    columns = ["parameter", "value", "method", "variant", "seed", "attack", "eps", "accuracy", "n"]
    return pd.DataFrame(rows, columns=columns)
