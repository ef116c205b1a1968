"""The paper's figure on the size of the negative pool, as the table `ablation` that `tla sweep` writes."""

import pandas as pd

from tla.plots.base import Frame

POOL = {
    1: (49.67, 49.95, 49.63),
    250: (50.49, 50.72, 50.32),
    500: (51.30, 50.46, 50.08),
    1000: (50.89, 51.22, 50.74),
    2000: (50.57, 50.20, 49.79),
}
"""CIFAR-10, eps 8/255, TLA: accuracy (%) under C&W, PGD-20 and MIM by the size of the pool, from the poster."""


def paper_pool() -> Frame:
    """Accuracies of TLA on all 10,000 test images of CIFAR-10 by the size of its negative pool (Mao et al. 2019).

    Returns:
        Columns as the table `ablation`: parameter, value, method, variant, seed, attack, eps, accuracy, n.
    """
    rows = [
        ("method.tla.pool", float(size), "tla", f"tla@pool={size}", 0, attack, 8 / 255, value / 100, 10_000)
        for size, values in POOL.items()
        for attack, value in zip(("cw", "pgd", "mim"), values, strict=True)
    ]
    columns = ["parameter", "value", "method", "variant", "seed", "attack", "eps", "accuracy", "n"]
    return pd.DataFrame(rows, columns=columns)
