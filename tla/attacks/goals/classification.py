"""Goals about classes: any wrong one, or a chosen one."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from tla.attacks.goals.base import Goal, Surrogate
from tla.attacks.goals.checks import check_classes, check_dlr, check_surrogate
from tla.tensors import as_labels
from tla.types import Outputs

CW_CONFIDENCE = 50.0


def best_other(logits: Float[Tensor, "b k"], y: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
    """The largest logit of a class other than y, shape (b,)."""
    return logits.scatter(1, y[:, None], -torch.inf).amax(1)


def own(logits: Float[Tensor, "b k"], y: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
    """The logit of class y, shape (b,)."""
    return logits.gather(1, y[:, None])[:, 0]


@dataclass(frozen=True, eq=False)
class Untargeted(Goal):
    """Any class but the true one.

    Args:
        y: True classes, shape (b,), int64.
        surrogate: What is climbed. "ce": cross-entropy. "margin": the best other logit minus that of the true class
            (Carlini & Wagner 2017, f6). "dlr": that margin over the spread of the sorted logits, which makes it
            scale-invariant (Croce & Hein 2020, eq. 6). "cw": -relu(-margin + 50), the margin up to a confidence of 50
            (Madry et al. 2018).

    Raises:
        ValueError: for labels that are not int64 of shape (b,), or an unknown surrogate.
    """

    y: Int[Tensor, " b"]
    surrogate: Surrogate = "ce"

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", as_labels("y", self.y))
        check_surrogate(self.surrogate)

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.y)

    def check(self, outputs: Outputs) -> None:
        """Refuse labels that the model has no class for, and dlr with too few classes."""
        check_classes(outputs.logits, self.y, "y")
        check_dlr(outputs.logits, self.surrogate, least=3)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The surrogate; larger is closer to a wrong class."""
        logits = outputs.logits.float()
        if self.surrogate == "ce":
            return cross_entropy(logits, self.y, reduction="none")
        margin = best_other(logits, self.y) - own(logits, self.y)
        if self.surrogate == "cw":
            return -(CW_CONFIDENCE - margin).relu()
        if self.surrogate == "dlr":
            top = logits.topk(3, dim=1).values
            return margin / (top[:, 0] - top[:, 2]).clamp_min(1e-12)
        return margin

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the predicted class is not y."""
        return outputs.logits.argmax(1) != self.y

    def select(self, rows: Tensor) -> "Untargeted":
        """The same goal for some rows."""
        return replace(self, y=self.y[rows])

    def using(self, surrogate: Surrogate | None) -> "Untargeted":
        """The same goal with another surrogate."""
        return self if surrogate is None else replace(self, surrogate=surrogate)

    def toward(self, rival: int | None, clean: Outputs | None) -> "Goal | None":
        """Any wrong class still counts, but the one of rank `rival` on the clean image is climbed to."""
        if rival is None or clean is None:
            return self
        if rival > clean.logits.shape[1] - 2:
            return None
        wrong = clean.logits.scatter(1, self.y[:, None], -torch.inf)
        return Toward(self.y, wrong.topk(rival + 1, dim=1).indices[:, rival], self.surrogate)


@dataclass(frozen=True, eq=False)
class Toward(Goal):
    """Any class but the true one, by way of one chosen wrong class.

    Args:
        y: True classes, shape (b,), int64.
        target: The class to climb to, shape (b,), int64.
        surrogate: As for `Targeted`, with the true class in place of the best other one.
    """

    y: Int[Tensor, " b"]
    target: Int[Tensor, " b"]
    surrogate: Surrogate = "margin"

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.y)

    def check(self, outputs: Outputs) -> None:
        """Refuse dlr with too few classes."""
        check_dlr(outputs.logits, self.surrogate, least=4)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The surrogate; larger is closer to the chosen class."""
        logits = outputs.logits.float()
        if self.surrogate == "ce":
            return -cross_entropy(logits, self.target, reduction="none")
        margin = own(logits, self.target) - own(logits, self.y)
        if self.surrogate == "cw":
            return -(CW_CONFIDENCE - margin).relu()
        return margin / dlr_spread(logits) if self.surrogate == "dlr" else margin

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the predicted class is not y."""
        return outputs.logits.argmax(1) != self.y

    def select(self, rows: Tensor) -> "Toward":
        """The same goal for some rows."""
        return replace(self, y=self.y[rows], target=self.target[rows])

    def using(self, surrogate: Surrogate | None) -> "Toward":
        """The same goal with another surrogate."""
        return self if surrogate is None else replace(self, surrogate=surrogate)


@dataclass(frozen=True, eq=False)
class Targeted(Goal):
    """One chosen class.

    Args:
        target: Classes to be predicted, shape (b,), int64.
        surrogate: What is climbed. "ce": minus the cross-entropy of the target. "margin": the target's logit minus the
            best other. "dlr": that over the spread of the sorted logits (Croce & Hein 2020, eq. 7). "cw":
            -relu(-margin + 50).

    Raises:
        ValueError: for targets that are not int64 of shape (b,), or an unknown surrogate.
    """

    target: Int[Tensor, " b"]
    surrogate: Surrogate = "ce"

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", as_labels("target", self.target))
        check_surrogate(self.surrogate)

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.target)

    def check(self, outputs: Outputs) -> None:
        """Refuse targets that the model has no class for, and dlr with too few classes."""
        check_classes(outputs.logits, self.target, "target")
        check_dlr(outputs.logits, self.surrogate, least=4)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The surrogate; larger is closer to the target class."""
        logits = outputs.logits.float()
        if self.surrogate == "ce":
            return -cross_entropy(logits, self.target, reduction="none")
        margin = own(logits, self.target) - best_other(logits, self.target)
        if self.surrogate == "cw":
            return -(CW_CONFIDENCE - margin).relu()
        return margin / dlr_spread(logits) if self.surrogate == "dlr" else margin

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the target is predicted."""
        return outputs.logits.argmax(1) == self.target

    def select(self, rows: Tensor) -> "Targeted":
        """The same goal for some rows."""
        return replace(self, target=self.target[rows])

    def using(self, surrogate: Surrogate | None) -> "Targeted":
        """The same goal with another surrogate."""
        return self if surrogate is None else replace(self, surrogate=surrogate)


def dlr_spread(logits: Float[Tensor, "b k"]) -> Float[Tensor, " b"]:
    """The targeted DLR's denominator: the largest logit minus the mean of the third and fourth, shape (b,)."""
    top = logits.topk(4, dim=1).values
    return (top[:, 0] - (top[:, 2] + top[:, 3]) / 2).clamp_min(1e-12)
