"""Records what an attack does, step by step."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.types import Step


class Trajectory(NamedTuple):
    """What was recorded: one row per (restart, step, example), in order.

    Attributes:
        row: Position of the example in the attacked batch, shape (r,).
        step: 0 for the starting point, then 1..steps, shape (r,).
        restart: Counted from 0, shape (r,).
        prediction: Predicted class, shape (r,).
        value: The goal's value, shape (r,).
        success: True where the iterate reaches the goal, shape (r,).
        embedding: h of the iterate, shape (r, d); None if not recorded.
        images: The iterate, shape (r, ...); None if not recorded.
    """

    row: Int[Tensor, " r"]
    step: Int[Tensor, " r"]
    restart: Int[Tensor, " r"]
    prediction: Int[Tensor, " r"]
    value: Float[Tensor, " r"]
    success: Bool[Tensor, " r"]
    embedding: Float[Tensor, "r d"] | None
    images: Float[Tensor, "r ..."] | None


@dataclass(kw_only=True)
class Recorder:
    """An `on_step` that records the trajectory: `recorder = Recorder(); attack(..., on_step=recorder)`.

    Args:
        embedding: Data type of the recorded embeddings (bfloat16 halves memory and time); None records none.
        images: Whether to record the iterates themselves.
    """

    embedding: torch.dtype | None = torch.bfloat16
    images: bool = False
    _steps: list[Step] = field(default_factory=list, init=False, repr=False)
    _embeddings: list[Tensor] = field(default_factory=list, init=False, repr=False)
    _predictions: list[Tensor] = field(default_factory=list, init=False, repr=False)

    def __call__(self, step: Step) -> None:
        """Record one step; what is not needed is freed at once."""
        if self.embedding is not None:
            self._embeddings.append(step.outputs.embedding.to(self.embedding, copy=True))
        self._predictions.append(step.outputs.logits.argmax(1))
        nothing = step.images[:0]
        self._steps.append(
            step._replace(
                outputs=step.outputs._make(output[:0].clone() for output in step.outputs),
                images=step.images.clone() if self.images else nothing,
            )
        )

    def trajectory(self) -> Trajectory:
        """Everything recorded so far.

        Raises:
            ValueError: if nothing was recorded.
        """
        if not self._steps:
            raise ValueError("nothing was recorded; give the recorder to an attack as on_step")
        steps = self._steps
        return Trajectory(
            row=torch.cat([step.rows for step in steps]),
            step=torch.cat([torch.full_like(step.rows, step.index) for step in steps]),
            restart=torch.cat([torch.full_like(step.rows, step.restart) for step in steps]),
            prediction=torch.cat(self._predictions),
            value=torch.cat([step.value for step in steps]),
            success=torch.cat([step.success for step in steps]),
            embedding=torch.cat(self._embeddings) if self.embedding is not None else None,
            images=torch.cat([step.images for step in steps]) if self.images else None,
        )
