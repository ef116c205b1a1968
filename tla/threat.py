"""What an attacker may do to an image. All norm geometry is in this file; attacks do not branch on the norm."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Norm = Literal["linf", "l2", "l1"]
NORMS: tuple[Norm, ...] = ("linf", "l2", "l1")


def _numbers(eps: object) -> Tensor:
    """Radii from an array or a list."""
    try:
        return torch.as_tensor(eps, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"eps must be one number or one per example, got {eps!r}") from None


def _rows(value: Tensor, like: Tensor) -> Tensor:
    """A per-example vector shaped to broadcast over `like`."""
    return value.reshape(-1, *[1] * (like.ndim - 1))


@dataclass(frozen=True)
class Threat:
    """A ball around each image, cut by the box of valid pixels.

    Args:
        norm: "linf", "l2" or "l1", over all values of an image.
        eps: Radius in pixel units (0.3, 8/255), one number or one per example (shape (b,)).
        low: Smallest valid pixel value.
        high: Largest valid pixel value.

    Raises:
        ValueError: for an unknown norm, an eps that is negative or not finite, or low >= high.
    """

    norm: Norm = "linf"
    eps: float | Tensor = 0.3
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {self.norm!r}")
        if isinstance(self.eps, bool) or not isinstance(self.eps, int | float | Tensor):
            object.__setattr__(self, "eps", _numbers(self.eps))
        if isinstance(self.eps, Tensor) and (self.eps.is_complex() or self.eps.dtype == torch.bool):
            raise ValueError(f"eps must be one number or one per example, got {self.eps.dtype}")
        eps = self.eps if isinstance(self.eps, Tensor) else torch.tensor(self.eps, dtype=torch.float64)
        if not bool(torch.isfinite(eps).all()) or bool((eps < 0).any()):
            raise ValueError(f"eps must be >= 0 and finite, got {self.eps}")
        if eps.ndim > 1:
            raise ValueError(f"eps must be one number or one per example, got shape {tuple(eps.shape)}")
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low}, high={self.high}")

    def radius(self, like: Float[Tensor, "b ..."]) -> Float[Tensor, "#b ..."]:
        """eps on the device and dtype of `like`, shaped to broadcast over it: (b or 1, 1, ...).

        Raises:
            ValueError: if eps is one per example, for another number of examples.
        """
        if not isinstance(self.eps, Tensor):
            return like.new_full([1] * like.ndim, self.eps)  # filled on the device: a copy would synchronise
        eps = self.eps.to(like).reshape(-1)
        if len(eps) not in (1, len(like)):
            raise ValueError(f"eps must be one number or one per example, got {len(eps)} for {len(like)} examples")
        return _rows(eps, like)

    def check_count(self, count: int) -> None:
        """Refuse a radius per example for another number of examples.

        Raises:
            ValueError: names both numbers.
        """
        if isinstance(self.eps, Tensor) and self.eps.numel() not in (1, count):
            raise ValueError(f"eps must be one number or one per example, got {self.eps.numel()} for {count} examples")

    def select(self, rows: Tensor) -> "Threat":
        """The same threat for some rows of the batch (positions or a mask)."""
        if isinstance(self.eps, Tensor) and self.eps.numel() > 1:
            return Threat(self.norm, self.eps[rows.to(self.eps.device)], self.low, self.high)
        return self

    def scaled(self, share: float) -> "Threat":
        """The same threat with a radius `share` times as large."""
        return self if share == 1 else Threat(self.norm, self.eps * share, self.low, self.high)

    def clip(self, images: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Bring images into the box."""
        return images.clamp(self.low, self.high)

    def distance(self, x: Float[Tensor, "b ..."], other: Float[Tensor, "b ..."]) -> Float[Tensor, " b"]:
        """The norm of other - x, per example, shape (b,)."""
        delta = (other - x).flatten(1)
        if self.norm == "linf":
            return delta.abs().amax(1)
        return delta.norm(dim=1) if self.norm == "l2" else delta.abs().sum(1)

    def project(self, moved: Float[Tensor, "b ..."], x: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Project `moved` onto the ball around x, inside the box.

        Linf and L1: the exact nearest point. L2: ball first, then box; since x is in the box, clamping to the box never
        leaves the ball.

        Args:
            moved: Any images, shape (b, ...).
            x: The clean images, in the box, shape (b, ...).
        """
        radius = self.radius(x)
        if self.norm == "linf":
            return torch.clamp(torch.minimum(torch.maximum(moved, x - radius), x + radius), self.low, self.high)
        delta = moved - x
        inside = self._shrink_l2(delta, radius) if self.norm == "l2" else self._shrink_l1(delta, x)
        return (x + inside).clamp(self.low, self.high)

    def start(self, x: Float[Tensor, "b ..."], generator: torch.Generator | None = None) -> Float[Tensor, "b ..."]:
        """A random point of the ball, inside the box.

        Linf: uniform in the cube. L2: uniform in the ball. L1: uniform in the ball (exponential spacings).
        """
        radius = self.radius(x)
        if self.norm == "linf":
            noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
            return (x + radius * (2 * noise - 1)).clamp(self.low, self.high)
        direction = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype).flatten(1)
        share = torch.rand(len(x), 1, generator=generator, device=x.device, dtype=x.dtype) ** (1 / direction.shape[1])
        if self.norm == "l2":
            unit = direction / direction.norm(dim=1, keepdim=True).clamp_min(1e-12)
        else:
            spacing = (
                -torch.rand(direction.shape, generator=generator, device=x.device, dtype=x.dtype).clamp_min(1e-12).log()
            )
            unit = direction.sign() * spacing / spacing.sum(1, keepdim=True)
        return (x + radius * (unit * share).reshape(x.shape)).clamp(self.low, self.high)

    def steepest(self, gradient: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """The direction of norm 1 in which the value rises fastest, per example.

        Linf: the sign. L2: the gradient over its norm. L1: the sign of the largest 1 % of the coordinates (at least
        one), over their number: the exact maximiser moves a single pixel per step and needs thousands of steps
        (top-k steps; Tramer & Boneh 2019). A zero gradient gives a zero direction.
        """
        if self.norm == "linf":
            return gradient.sign()
        flat = gradient.flatten(1)
        if self.norm == "l2":
            return (flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)).reshape(gradient.shape)
        count = max(1, flat.shape[1] // 100)
        top = flat.abs().topk(count, dim=1).indices
        direction = torch.zeros_like(flat).scatter_(1, top, flat.gather(1, top).sign() / count)
        return direction.reshape(gradient.shape)

    @staticmethod
    def _shrink_l2(delta: Tensor, radius: Tensor) -> Tensor:
        norm = _rows(delta.flatten(1).norm(dim=1), delta)
        return delta * torch.clamp(radius / norm.clamp_min(1e-12), max=1.0)

    def _shrink_l1(self, delta: Tensor, x: Tensor) -> Tensor:
        """Exact projection onto the part of the L1 ball inside the box (Croce & Hein 2021, "Mind the box").

        Every entry shrinks by the same t >= 0, then is clamped to the box: its size is clamp(|delta| - t, 0, room). The
        sum of the sizes is piecewise linear in t; a scan of its sorted breakpoints finds the t at which it equals eps.
        """
        size, origin = delta.flatten(1).abs(), x.flatten(1)
        room = torch.where(delta.flatten(1) > 0, self.high - origin, origin - self.low).clamp_min(0)
        eps = self.radius(x).reshape(-1, 1)
        breakpoints, order = torch.cat([size, size - room], 1).clamp_min(0).sort(dim=1, descending=True)
        slope = torch.where(order < size.shape[1], 1.0, -1.0).to(size).cumsum(1)
        rises = (slope * (breakpoints - torch.nn.functional.pad(breakpoints[:, 1:], (0, 1)))).cumsum(1)
        below = torch.nn.functional.pad(rises[:, :-1], (1, 0))
        last = (below <= eps).sum(1, keepdim=True) - 1
        at, total, rate = (values.gather(1, last) for values in (breakpoints, below, slope))
        threshold = (at - (eps - total) / rate.clamp_min(1)).clamp_min(0)
        shrunk = torch.minimum((size - threshold).clamp_min(0), room)
        return (delta.flatten(1).sign() * shrunk).reshape(delta.shape)
