"""One batch of an evaluation: classified clean, attacked where it is right, classified again."""

import time
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from tla.attacks.base import Attack
from tla.attacks.evaluation.table import COLUMNS
from tla.attacks.goals import Untargeted
from tla.attacks.search.forward import check_inputs, check_outputs, forward_fp32
from tla.devices import exact
from tla.precision import Precision, autocast
from tla.statistics.accuracy import CLEAN
from tla.threat import Threat
from tla.types import Model


@dataclass(frozen=True, eq=False)
class BatchResult:
    """One attack on one batch of images.

    Attributes:
        label: Of the attack.
        frame: One row per image, with the columns `COLUMNS`.
        seconds: Wall time of the attack.
        images: Adversarial images on the CPU, shape (b, ...), clean where the model is wrong anyway; None if not kept.
    """

    label: str
    frame: pd.DataFrame
    seconds: float
    images: Tensor | None = None

    def table(self) -> pd.DataFrame:
        """The rows, with the seconds as an attribute."""
        frame = self.frame.copy()
        frame.attrs = {"seconds": {self.label: self.seconds}}
        return frame


class EvaluationBatch:
    """A batch of images, and the model's float32 predictions on them clean.

    Args:
        model: In evaluation mode.
        x: Images, shape (b, ...).
        y: True classes, shape (b,).
        ids: Names of the images in the table, shape (b,).
        threat: Norm, radius and box of these rows.

    Raises:
        ValueError: for images outside the box, labels that the model has no class for, or logits that are NaN.
    """

    def __init__(self, model: Model, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> None:
        self.model, self.x, self.y, self.ids, self.threat = model, x, y, ids, threat
        goal = Untargeted(y, "margin")
        check_inputs(x, goal, threat)
        outputs = forward_fp32(model, x)
        check_outputs(outputs, goal)
        self.prediction, self.value = outputs.logits.argmax(1), goal.value(outputs)
        self.correct = self.prediction == y

    def clean(self) -> BatchResult:
        """The rows of the clean images."""
        zeros = torch.zeros(len(self.x), device=self.x.device)
        columns = (zeros, self.prediction, ~self.correct, zeros, self.value, torch.ones_like(self.y))
        return BatchResult(CLEAN, self._frame(CLEAN, *columns), 0.0)

    def attack(
        self, label: str, attack: Attack, generator: torch.Generator, precision: Precision, keep_images: bool = False
    ) -> BatchResult:
        """Attack the images that the model gets right; success is decided by one float32 pass over the result.

        Args:
            label: Of the attack in the table.
            attack: Run on these images.
            generator: Source of its random numbers.
            precision: Of the search.
            keep_images: Whether the result has the adversarial images.
        """
        started = time.perf_counter()
        images, prediction, value = self.x.clone(), self.prediction.clone(), self.value.clone()
        success, distance = ~self.correct, torch.zeros(len(self.x), device=self.x.device)
        queries, rows = torch.zeros_like(self.y), self.correct.nonzero()[:, 0]
        if len(rows):
            goal, threat = Untargeted(self.y[rows]), self.threat.select(rows)
            with autocast(self.x.device, precision):
                found = attack(self.model, self.x[rows], goal, threat, generator=generator)
            outputs = forward_fp32(self.model, found.adversarial)
            images[rows] = found.adversarial
            prediction[rows], value[rows] = outputs.logits.argmax(1), goal.using("margin").value(outputs)
            success[rows], queries[rows] = goal.reached(outputs), found.queries
            distance[rows] = threat.distance(self.x[rows], found.adversarial)
        eps = self.threat.radius(self.x).reshape(-1).expand(len(self.x))
        frame = self._frame(label, eps, prediction, success, distance, value, queries)
        return BatchResult(label, frame, time.perf_counter() - started, images.cpu() if keep_images else None)

    def _frame(self, label: str, eps: Tensor, prediction: Tensor, *rest: Tensor) -> pd.DataFrame:
        columns = (exact(eps), self.ids, self.y, self.prediction, prediction, *rest)
        frame = pd.DataFrame({name: column.cpu().numpy() for name, column in zip(COLUMNS[1:], columns, strict=True)})
        frame.insert(0, COLUMNS[0], label)
        return frame
