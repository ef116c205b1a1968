"""Binary problems with a known solution: a new readout of the embedding puts one adversarial image in each ball."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from tla.attacks import Goal, Untargeted
from tla.attacks.goals import Surrogate
from tla.audit.context import Context
from tla.audit.variants import CannotRunError
from tla.devices import exact
from tla.types import Outputs


@dataclass(frozen=True, eq=False)
class CrossHyperplane(Goal):
    """Cross a hyperplane in the embedding, one for each example.

    Args:
        weight: Normals, shape (b, d).
        bias: Offsets, shape (b,); the clean image is on the negative side.
        surrogate: The loss to climb, on the two logits (0, weight . h + bias).
    """

    weight: Float[Tensor, "b d"]
    bias: Float[Tensor, " b"]
    surrogate: Surrogate = "margin"

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.bias)

    def score(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """Signed height above the hyperplane, shape (b,)."""
        return (outputs.embedding.float() * self.weight).sum(1) + self.bias

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The surrogate on the two new logits."""
        score = self.score(outputs)
        logits = torch.stack([torch.zeros_like(score), score], 1)
        inner = torch.zeros(len(score), dtype=torch.int64, device=score.device)
        return Untargeted(inner, self.surrogate).value(Outputs(logits, outputs.embedding))

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True on the positive side."""
        return self.score(outputs) > 0

    def select(self, rows: Tensor) -> "CrossHyperplane":
        """The same goal for some rows."""
        return replace(self, weight=self.weight[rows], bias=self.bias[rows])

    def using(self, surrogate: Surrogate | None) -> "CrossHyperplane":
        """The same goal with another surrogate; dlr is undefined for two classes and becomes the margin."""
        return self if surrogate is None else replace(self, surrogate="margin" if surrogate == "dlr" else surrogate)


class BinaryProblems(NamedTuple):
    """Binary problems around some images.

    Attributes:
        goal: The hyperplanes, one per problem.
        rows: Positions of their images in the audit, shape (s,).
        solution: For each an image known to be across the hyperplane, shape (s, ...).
        skipped: How many images no hyperplane could separate.
    """

    goal: CrossHyperplane
    rows: Tensor
    solution: Tensor
    skipped: int


def binary_problems(context: Context, rows: Tensor, inner: int, shrink: float, tight: float) -> BinaryProblems:
    """For each image, a linear readout that separates one point on the ball's surface from many points inside.

    Args:
        context: Model, images and ball.
        rows: Images to build problems around, shape (s,).
        inner: Points inside, including the clean image, >= 2.
        shrink: Radius of the ball they are drawn from, over eps.
        tight: Where the hyperplane passes, between the outermost inner point (0) and the surface point (1).

    Raises:
        CannotRunError: if no image yields a problem.
    """
    weights, biases, separated, solutions = [], [], [], []
    gaps = context.clean.logits.topk(2, dim=1).values
    gaps = (gaps[:, 0] - gaps[:, 1]).clamp_min(1e-6)
    for row in rows.tolist():
        points = _points(context, row, inner, shrink)
        features = exact(torch.cat([_embed(context, batch) for batch in points.split(context.batch)]))
        weight = _normal(features[:-1], features[-1])
        heights = features @ weight
        top, across = heights[:-1].max(), heights[-1]
        if not bool(across > top):
            continue
        bias = -(top + tight * (across - top))
        # Scale the new logits like the old ones, so that a loss that saturates there saturates here.
        scale = gaps[row].to(bias) / (-(heights[0] + bias)).clamp_min(1e-12)
        weights.append((weight * scale).float().to(points.device))
        biases.append((bias * scale).float().to(points.device))
        separated.append(row)
        solutions.append(points[-1])
    if not separated:
        raise CannotRunError("no readout of the embedding separates a point on the surface from the points inside")
    goal = CrossHyperplane(torch.stack(weights), torch.stack(biases))
    positions = torch.tensor(separated, device=context.x.device)
    return BinaryProblems(goal, positions, torch.stack(solutions), len(rows) - len(separated))


def _points(context: Context, row: int, inner: int, shrink: float) -> Tensor:
    """The clean image, points inside, and last one point on the surface, shape (inner + 1, ...)."""
    x = context.x[row : row + 1]
    threat = context.threat.select(torch.tensor([row], device=x.device))
    source = context.source("binarise", row)  # the key of the random stream: renaming it changes results
    small = replace(threat, eps=threat.eps * shrink)
    many = x.expand(inner - 1, *x.shape[1:])
    wide = small if isinstance(small.eps, float) else replace(small, eps=float(small.eps))
    noise = torch.randn(x.shape, generator=source, device=x.device, dtype=x.dtype)
    surface = threat.project(x + threat.radius(x) * threat.steepest(noise), x)
    return torch.cat([x, wide.start(many.contiguous(), source), surface])


def _embed(context: Context, images: Tensor) -> Tensor:
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        return context.embedding_model(images).embedding.float()


def _normal(inside: Tensor, outside: Tensor) -> Tensor:
    """Normal of the hyperplane with the widest margin between many points and one, shape (d,).

    The paper's unregularised logistic regression converges to the same direction (Soudry et al. 2018).
    """
    from sklearn.svm import SVC

    points = torch.cat([inside, outside[None]])
    scale = points.std().clamp_min(1e-12)
    labels = [0] * len(inside) + [1]
    svm = SVC(kernel="linear", C=1e5).fit((points / scale).cpu().numpy(), labels)
    return torch.tensor(svm.coef_[0]).to(points) / scale
