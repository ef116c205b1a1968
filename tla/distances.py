"""Distances between embeddings. Smaller is closer, always."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

DistanceName = Literal["abs_cosine", "cosine", "euclidean"]
DISTANCES: tuple[DistanceName, ...] = ("abs_cosine", "cosine", "euclidean")
GUARD = 1e-20


def unit(u: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """Each row at length 1, in float32 or wider; a row of zeros stays zero."""
    u = _wide(u)
    return u / (u.square().sum(-1, keepdim=True) + GUARD).sqrt()


def _wide(u: Tensor) -> Tensor:
    """Half precision as float32: bf16 cannot resolve cosines above 0.996, and float16 cannot hold the guard."""
    return u.float() if u.dtype in (torch.bfloat16, torch.float16) else u


def _from_cosine(similarity: Tensor, name: DistanceName) -> Tensor:
    return 1 - (similarity.abs() if name == "abs_cosine" else similarity)


def _check(name: str) -> None:
    if name not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {name!r}")


def distance(
    u: Float[Tensor, "*b d"], v: Float[Tensor, "*b d"], name: DistanceName = "abs_cosine"
) -> Float[Tensor, "*b"]:
    """Distance of each row of u to the same row of v, in float32 or wider.

    Args:
        u: Embeddings, shape (..., d).
        v: Embeddings of the same shape.
        name: "abs_cosine": 1 - |cos|, in [0, 1] (TLA, eq. 2); "cosine": 1 - cos, in [0, 2];
            "euclidean": the L2 norm of u - v, >= 0.

    Raises:
        ValueError: for an unknown name.
    """
    _check(name)
    if name == "euclidean":
        return ((_wide(u) - _wide(v)).square().sum(-1) + GUARD).sqrt()
    return _from_cosine((unit(u) * unit(v)).sum(-1), name)


def pairwise(
    u: Float[Tensor, "n d"], v: Float[Tensor, "m d"], name: DistanceName = "abs_cosine"
) -> Float[Tensor, "n m"]:
    """Distance of every row of u to every row of v, by one matrix product in float32 or wider, even under autocast.

    Args:
        u: Embeddings, shape (n, d).
        v: Embeddings, shape (m, d).
        name: As in `distance`.

    Raises:
        ValueError: for an unknown name.
    """
    _check(name)
    with torch.autocast(u.device.type, enabled=False):
        if name == "euclidean":
            return torch.cdist(_wide(u), _wide(v))
        return _from_cosine(unit(u) @ unit(v).mT, name)
