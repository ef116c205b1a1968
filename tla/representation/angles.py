"""Angular shift: how far an attack turns an embedding."""

import torch
from jaxtyping import Float
from torch import Tensor

from tla.distances import unit


def angle(u: Float[Tensor, "*n d"], v: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    """The angle between rows of u and of v, in degrees, 0..180.

    2 atan2(|u - v|, |u + v|) over unit vectors (Kahan): exact also where acos of a rounded cosine has lost every
    digit. Behind a ReLU all angles are at most 90. A zero row is 90 degrees from every other and 0 from a zero row.

    Args:
        u: Embeddings, shape (..., d).
        v: Embeddings of the same shape.
    """
    u, v = unit(u), unit(v)
    return torch.rad2deg(2 * torch.atan2((u - v).norm(dim=-1), (u + v).norm(dim=-1)))
