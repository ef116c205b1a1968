"""Separation and collapse of groups of embeddings, each number with an interval."""

import math
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.distances import unit
from tla.representation.collapse import collapse_statistics
from tla.representation.scatter import class_scatter, silhouette

COLUMNS = ("measure", "group", "kind", "n", "value", "low", "high")
GROUPS = ("all", "correct", "misclassified")


class Spectrum(NamedTuple):
    """The effective rank of a covariance, and what each image adds to it.

    Attributes:
        rank: The effective rank; 0 if nothing varies.
        influence: Of each image, see `influences`.
    """

    rank: float
    influence: Float[Tensor, " n"]


def structure(
    clean: Float[Tensor, "n d"],
    adversarial: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    wrong: Bool[Tensor, " n"] | None = None,
) -> pd.DataFrame:
    """How well classes are separated, and whether the representation collapsed, before and after the attack.

    Every group is measured alone, labelled by the true class: the numbers of the misclassified describe the geometry
    of those images only.

    Args:
        clean: Embeddings of the clean images, shape (n, d), n >= 1: the zero point.
        adversarial: Embeddings of the same images under attack, shape (n, d).
        y: True classes, shape (n,).
        wrong: True where the attacked image is misclassified, shape (n,); without it there is only the group "all".

    Returns:
        Columns measure (silhouette, and the attributes of `class_scatter` and `collapse_statistics`), group ("all",
        "correct", "misclassified"), kind ("clean", "adversarial"), n, value, low, high (95 % over images, by the
        infinitesimal jackknife; NaN for `dead`, which has none). All NaN for a group without images.
    """
    masks = {"all": torch.ones_like(y, dtype=torch.bool)}
    if wrong is not None:
        masks |= {"correct": ~wrong, "misclassified": wrong}
    rows = []
    for group, mask in masks.items():
        for kind, embedding in (("clean", clean), ("adversarial", adversarial)):
            members = embedding[mask]
            n, values, influence = len(members), dict.fromkeys(_NAMES, math.nan), {}
            if n:
                values, influence = _values(members, y[mask]), influences(members, y[mask])
            for name, value in values.items():
                error = float(influence[name].square().mean() / n) ** 0.5 if name in influence else math.nan
                rows.append((name, group, kind, n, value, value - 1.96 * error, value + 1.96 * error))
    return pd.DataFrame(rows, columns=list(COLUMNS))


_NAMES = ("silhouette", "within", "between", "ratio", "dead", "zeros", "effective_rank", "norm", "crowding")


def _values(embedding: Tensor, y: Tensor) -> dict[str, float]:
    values = {"silhouette": float(silhouette(embedding, y).mean())}
    return values | class_scatter(embedding, y)._asdict() | collapse_statistics(embedding, y)._asdict()


def influences(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> dict[str, Float[Tensor, " n"]]:
    """Influence of each image on each measure: the derivative in its weight (Jaeckel 1972; Efron 1982).

    Their mean is 0, and their standard deviation over sqrt(n) is the measure's standard error over images: that of a
    bootstrap to first order, in one pass instead of hundreds.

    Args:
        embedding: Shape (n, d), n >= 1.
        y: Classes, shape (n,).

    Returns:
        float64 of shape (n,) for every measure but `dead`, whose derivative is 0 or undefined.
    """
    values, x = embedding.double(), unit(embedding.double())
    names, own = torch.unique(y, return_inverse=True)
    share = torch.bincount(own, minlength=len(names)).to(x) / len(x)
    means = x.new_zeros(len(names), x.shape[1]).index_add_(0, own, x) / (share * len(x))[:, None]
    centre = x.mean(0)
    within = (x - means[own]).square().sum(1)
    between = (x - centre).square().sum(1) - within
    terms = {"silhouette": silhouette(embedding, y).double(), "within": within, "between": between}
    terms |= {"zeros": (values == 0).double().mean(1), "norm": values.norm(dim=1)}
    found = {name: term - term.mean() for name, term in terms.items()}
    found["silhouette"] = found["silhouette"] + _on_others(x, own, means, share)
    w, b = within.mean(), between.mean()
    found["ratio"] = (found["within"] - w / b * found["between"]) / b
    alike = centre.square().sum() - (share[:, None] * means).square().sum()
    apart = 1 - share.square().sum()
    turned = 2 * (x @ centre - share[own] * (x * means[own]).sum(1) - alike)
    fewer = 2 * (share.square().sum() - share[own])
    found["crowding"] = (turned - alike / apart * fewer) / apart
    found["effective_rank"] = spectrum(values).influence
    return found


def _on_others(x: Tensor, own: Tensor, means: Tensor, share: Tensor) -> Tensor:
    """Each image's influence on the silhouettes of the others, through the mean of its class.

    With a = 1 - x . m_own and b = 1 - x . m_near, s is 1 - a / b where a < b and b / a - 1 elsewhere; an image x_j
    moves the mean m_c of its class by (x_j - m_c) / share_c.
    """
    if len(means) < 2:
        return torch.full_like(x[:, 0], torch.nan)
    far = 1 - x @ means.mT
    a = far.gather(1, own[:, None])[:, 0].clamp_min(1e-12)
    b, near = far.scatter(1, own[:, None], torch.inf).min(1)
    b = b.clamp_min(1e-12)
    by_a, by_b = torch.where(a < b, -1 / b, -b / a.square()), torch.where(a < b, a / b.square(), 1 / a)
    pull = torch.zeros_like(means).index_add_(0, own, by_a[:, None] * x).index_add_(0, near, by_b[:, None] * x)
    return -(pull[own] * (x - means[own])).sum(1) / (share[own] * len(x))


def spectrum(values: Float[Tensor, "n d"]) -> Spectrum:
    """exp(entropy of the covariance's normalised eigenvalues) and its influences.

    An image x moves the i-th eigenvalue l_i by (v_i . (x - mean))^2 - l_i, and the entropy H by -(log p_i + H) / sum l
    times that, where p_i = l_i / sum l; the terms in l_i cancel. Of wide embeddings (d > n) the eigenvectors u of the
    n x n products are taken: with v_i = X' u_i / sqrt(n l_i), the projection v_i . (x_j - mean) is sqrt(n l_i) u_ij.

    Args:
        values: Embeddings, float64, shape (n, d).
    """
    centred = values - values.mean(0)
    n, wide = len(values), values.shape[1] > len(values)
    found = torch.linalg.eigh((centred @ centred.mT if wide else centred.mT @ centred) / n)
    size = found.eigenvalues.clamp_min(0)
    if not float(size.sum()) > 0:
        return Spectrum(0.0, torch.zeros_like(values[:, 0]))
    p = size / size.sum()
    entropy = torch.special.entr(p).sum()
    slope = torch.where(p > 0, -(p.log() + entropy) / size.sum(), 0)
    along = n * size * found.eigenvectors.square() if wide else (centred @ found.eigenvectors).square()
    moved = along @ slope
    return Spectrum(float(entropy.exp()), entropy.exp() * moved)
