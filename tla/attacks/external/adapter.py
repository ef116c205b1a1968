"""Attacks of other libraries behind the same call: their global state restored, their queries counted."""

import contextlib
import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tla.attacks.base import Attack, AttackResult, Reach
from tla.attacks.goals import Goal, Targeted, Untargeted
from tla.attacks.search.best import scored
from tla.attacks.search.forward import check_inputs, check_outputs, forward_fp32
from tla.models.network.copying import working_copy
from tla.models.network.mode import evaluating
from tla.threat import Norm, Threat
from tla.types import Model, OnStep, picture_shape

PIXELS = 64


class CountingModel(nn.Module):
    """A model as other libraries expect it: images (b, c, h, w) in [0, 1] to logits; counts the queries of each image.

    A call with b images counts once for each; in a smaller call each image counts for the nearest original, compared on
    a few pixels.

    Args:
        model: Maps images in the threat's box to `Outputs`.
        x: The originals in [0, 1], shape (b, c, h, w).
        shape: Shape of one image as the model expects it.
        threat: Gives the box of the images.
    """

    def __init__(self, model: Model, x: Tensor, shape: torch.Size, threat: Threat) -> None:
        super().__init__()
        self.model, self.shape, self.low, self.width = model, shape, threat.low, threat.high - threat.low
        pixels = x.flatten(1)
        step = max(1, pixels.shape[1] // PIXELS)
        self.marks = pixels[:, ::step]
        self.step = step
        self.queries = torch.zeros(len(x), dtype=torch.int64, device=x.device)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, in float32."""
        self._count(x.detach())
        outputs = self.model(self.low + self.width * _GradientInRows.apply(x).reshape(-1, *self.shape))  # pyright: ignore
        return outputs.logits.float().clone()  # some attacks write into their logits

    def _count(self, x: Tensor) -> None:
        if len(x) == len(self.marks):
            self.queries += 1
            return
        nearest = torch.cdist(x.flatten(1)[:, :: self.step], self.marks, p=torch.inf).argmin(1)
        self.queries.index_add_(0, nearest, torch.ones_like(nearest))


class _GradientInRows(torch.autograd.Function):
    """The images themselves; their gradient in rows, which other libraries rely on, whatever layout the model has."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient.contiguous()


@dataclass(frozen=True)
class Problem:
    """What other libraries take as arguments, for images of one radius.

    Attributes:
        model: Images (b, c, h, w) in [0, 1] to logits.
        x: Images (b, c, h, w) in [0, 1].
        labels: True classes, or targets, shape (b,).
        targeted: Whether labels are targets.
        norm: The threat's norm.
        eps: Radius in the unit box.
        seed: For libraries that take one.
    """

    model: CountingModel
    x: Tensor
    labels: Tensor
    targeted: bool
    norm: Norm
    eps: float
    seed: int


class ExternalAttack(Attack):
    """An attack of another library: a subclass only calls that library, in `run`."""

    goals: ClassVar[tuple[type[Goal], ...]] = (Untargeted, Targeted)
    reach: ClassVar[Reach] = "inside"

    @abstractmethod
    def run(self, problem: Problem) -> Tensor:
        """Adversarial images (b, c, h, w) in [0, 1]; those farther than eps are projected before they are checked."""

    def __call__(
        self,
        model: Model,
        x: Float[Tensor, "b ..."],
        goal: Goal,
        threat: Threat,
        *,
        generator: torch.Generator | None = None,
        on_step: OnStep | None = None,
    ) -> AttackResult:
        """Search for images that reach the goal; see `Attack`."""
        x = check_inputs(x, goal, threat, model)
        self.check_supported(goal, threat)
        x, results = x.detach(), x.detach().clone()
        queries = torch.full((len(x),), 2, dtype=torch.int64, device=x.device)  # one check before, one after
        radii = threat.radius(x).reshape(-1).expand(len(x))
        with _isolated(x.device), _frozen(model) as frozen:
            check_outputs(forward_fp32(frozen, x), goal)
            for radius in radii.unique().tolist():
                rows = (radii == radius).nonzero()[:, 0]
                if radius > 0:
                    problem = _problem(frozen, x[rows], goal.select(rows), threat, radius, generator)
                    adversarial = self.run(problem).detach().to(x.dtype).reshape(-1, *x.shape[1:])
                    results[rows] = threat.low + (threat.high - threat.low) * adversarial
                    queries[rows] += problem.model.queries
            results = threat.project(results, x)
            checked = scored(results, forward_fp32(frozen, results), goal)
        return AttackResult(results, checked.reached, threat.distance(x, results), checked.value, queries)


def _problem(
    model: Model, x: Tensor, goal: Goal, threat: Threat, radius: float, generator: torch.Generator | None
) -> Problem:
    width = threat.high - threat.low
    pictures = ((x - threat.low) / width).clamp(0, 1).reshape(-1, *picture_shape(x.shape[1:])).contiguous()
    labels = goal.target if isinstance(goal, Targeted) else goal.y  # pyright: ignore[reportAttributeAccessIssue]
    seed = int(torch.randint(2**31, (), generator=generator, device=x.device))
    counting = CountingModel(model, pictures, x.shape[1:], threat)
    return Problem(counting, pictures, labels, isinstance(goal, Targeted), threat.norm, radius / width, seed)


@contextlib.contextmanager
def _frozen(model: Model) -> Iterator[Model]:
    """The model without gradients for its weights: a copy, or, if it cannot be copied, the model itself meanwhile."""
    copy = working_copy(model)
    weights = [weight for weight in copy.parameters() if weight.requires_grad]
    try:
        with evaluating(copy):
            for weight in weights:
                weight.requires_grad_(False)
            yield copy
    finally:
        for weight in weights:
            weight.requires_grad_(True)


@contextlib.contextmanager
def _isolated(device: torch.device) -> Iterator[None]:
    """Restores global random state, tracing and warnings; inside, full precision and gradients are on."""
    trace = sys.gettrace()
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),  # noqa: TID251 - restores what these libraries do to it
        torch.autocast(device.type, enabled=False),
        torch.inference_mode(False),
        torch.enable_grad(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            sys.settrace(trace)
