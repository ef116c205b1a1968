"""Debiased linear CKA: how much of a layer's geometry survives an attack."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

MIN_IMAGES = 4
FEATURES = 4096


class Similarity(NamedTuple):
    """A CKA with its jackknife interval."""

    cka: float
    low: float
    high: float


def linear_cka(x: Float[Tensor, "n d"], y: Float[Tensor, "n e"]) -> float:
    """Debiased linear CKA of two representations of the same images (Song et al. 2012; Kornblith et al. 2019).

    1 for the same geometry up to rotation, scale and shift; about 0 for unrelated ones, whatever n and d (the biased
    form tends to 1 as d grows); slightly below 0 is possible. Stable from n of about 2000.

    Args:
        x: Features, shape (n, d), n >= 4.
        y: Features of the same images, shape (n, e).

    Returns:
        NaN if one of them does not vary.

    Raises:
        ValueError: for fewer than four images, or different numbers of them.
    """
    return _prepare(x, y)(torch.arange(len(x)))


def cka_interval(x: Float[Tensor, "n d"], y: Float[Tensor, "n e"], blocks: int = 20) -> Similarity:
    """`linear_cka` with a 95 % interval from a delete-a-block jackknife.

    A bootstrap would draw images twice, and pairs of copies look alike in both representations.

    Args:
        x: Features, shape (n, d).
        y: Features of the same images, shape (n, e).
        blocks: How many blocks, 2 <= blocks; fewer if there are too few images.

    Raises:
        ValueError: as `linear_cka`.
    """
    cka = _prepare(x, y)
    n = len(x)
    blocks = min(blocks, n // 2)
    value = cka(torch.arange(n))
    block = torch.arange(n) % blocks
    subsets = [(block != b).nonzero()[:, 0] for b in range(blocks)]
    if min(map(len, subsets)) < MIN_IMAGES:
        return Similarity(value, float("nan"), float("nan"))
    replicates = torch.tensor([cka(rows) for rows in subsets], dtype=torch.float64)
    error = float(((replicates - replicates.mean()).square().sum() * (blocks - 1) / blocks).sqrt())
    return Similarity(value, value - 1.96 * error, value + 1.96 * error)


def _prepare(x: Tensor, y: Tensor) -> Callable[[Tensor], float]:
    """CKA of any rows, over features if these are fewer than the images, else over pairs of images."""
    if len(x) != len(y) or len(x) < MIN_IMAGES:
        raise ValueError(f"CKA needs the same {MIN_IMAGES} or more images in both, got {len(x)} and {len(y)}")
    if max(x.shape[1], y.shape[1]) <= len(x):
        x, y = (side.double() - side.double().mean(0) for side in (x, y))
        return lambda rows: _cka(_by_features, x[rows], y[rows])
    k, m = _gram(x), _gram(y)
    return lambda rows: _cka(_by_pairs, k[rows][:, rows], m[rows][:, rows])


def _cka(hsic: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    own = hsic(x, x) * hsic(y, y)
    return float(hsic(x, y) / own.sqrt()) if own > 0 else float("nan")


def _gram(x: Tensor) -> Tensor:
    """Inner products of centred features, float64, zero diagonal; features in chunks."""
    gram = torch.zeros(len(x), len(x), dtype=torch.float64, device=x.device)
    for chunk in x.split(FEATURES, dim=1):
        centred = chunk.double() - chunk.double().mean(0)
        gram.addmm_(centred, centred.mT)
    return gram.fill_diagonal_(0)


def _by_pairs(k: Tensor, m: Tensor) -> Tensor:
    return _u_statistic((k * m).sum(), k.sum(1), m.sum(1))


def _by_features(x: Tensor, y: Tensor) -> Tensor:
    """The same without the n x n matrices: their zero diagonals are subtracted."""
    squares = [side.square().sum(1) for side in (x, y)]
    sums = [side @ side.sum(0) - square for side, square in zip((x, y), squares, strict=True)]
    return _u_statistic((x.mT @ y).square().sum() - (squares[0] * squares[1]).sum(), sums[0], sums[1])


def _u_statistic(trace: Tensor, k: Tensor, m: Tensor) -> Tensor:
    """HSIC_1 of Song et al. 2012, eq. 5, from tr(KL) and the row sums of K and L (diagonals zero)."""
    n = len(k)
    both = trace + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ m)
    return both / (n * (n - 3))
