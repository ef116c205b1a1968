"""How far outside the ball and the box stored images lie."""

import torch
from torch import Tensor

from tla.threat import Threat


def slack(threat: Threat, x: Tensor) -> Tensor:
    """How far beyond eps a stored float32 image may lie: 1e-6 eps, and the rounding of its pixels; shape (1 or n,)."""
    size = x[0].numel()
    rounding = 2.0**-23 * max(abs(threat.low), abs(threat.high))
    total = {"linf": 1.0, "l2": size**0.5, "l1": float(size)}[threat.norm] * rounding
    return threat.radius(x.double()).flatten() * 1e-6 + total


def overshoot(x: Tensor, images: Tensor, threat: Threat) -> Tensor:
    """How far images lie outside the ball or the box, in pixel units, measured in float64.

    Args:
        x: Clean images, shape (n, ...).
        images: What was made of them, shape (n, ...).
        threat: Ball and box.

    Returns:
        <= 0 inside, infinite for an image with a value that is not finite; shape (n,).
    """
    exact = images.double()
    outside = threat.distance(x.double(), exact) - threat.radius(exact).flatten() - slack(threat, x)
    box = torch.maximum(threat.low - exact.flatten(1).amin(1), exact.flatten(1).amax(1) - threat.high)
    finite = torch.isfinite(exact).flatten(1).all(1)
    return torch.where(finite, torch.maximum(outside, box), torch.inf)
