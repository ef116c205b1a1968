"""One batch of an evaluation: judged clean, attacked where it is right, judged again."""

from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from tla.attacks.base import Attack
from tla.attacks.evaluation.table import COLUMNS
from tla.attacks.goals import Untargeted
from tla.attacks.search.forward import check_inputs, check_outputs, forward_fp32
from tla.precision import Precision, autocast
from tla.statistics.accuracy import CLEAN
from tla.threat import Threat
from tla.types import Model


class Attacked(NamedTuple):
    """What one attack did to one batch.

    Attributes:
        frame: One row per image, with the columns `COLUMNS`.
        images: Shape (b, ...); the clean image where the model was wrong anyway.
    """

    frame: pd.DataFrame
    images: Tensor


class EvaluationBatch:
    """A batch of images and what the model makes of them clean, in float32.

    Args:
        model: In evaluation mode.
        x: Images, shape (b, ...).
        y: True classes, shape (b,).
        ids: Their names in the table, shape (b,).
        threat: Norm, radius and box of these rows.

    Raises:
        ValueError: for images outside the box, labels without a class, or logits that are NaN.
    """

    def __init__(self, model: Model, x: Tensor, y: Tensor, ids: Tensor, threat: Threat) -> None:
        self.model, self.x, self.y, self.ids, self.threat = model, x, y, ids, threat
        goal = Untargeted(y, "margin")
        check_inputs(x, goal, threat)
        outputs = forward_fp32(model, x)
        check_outputs(outputs, goal)
        self.prediction, self.value = outputs.logits.argmax(1), goal.value(outputs)
        self.right = self.prediction == y

    def clean(self) -> Attacked:
        """The rows of the clean images."""
        zeros = torch.zeros(len(self.x), device=self.x.device)
        columns = (zeros, self.prediction, ~self.right, zeros, self.value, torch.ones_like(self.y))
        return Attacked(self._frame(CLEAN, *columns), self.x)

    def attacked(self, label: str, attack: Attack, source: torch.Generator, precision: Precision) -> Attacked:
        """Attack what the model gets right; the verdict is that of one float32 forward pass of the result."""
        images, prediction, value = self.x.clone(), self.prediction.clone(), self.value.clone()
        success, distance = ~self.right, torch.zeros(len(self.x), device=self.x.device)
        queries, rows = torch.zeros_like(self.y), self.right.nonzero()[:, 0]
        if len(rows):
            goal, threat = Untargeted(self.y[rows]), self.threat.select(rows)
            with autocast(self.x.device, precision):
                found = attack(self.model, self.x[rows], goal, threat, generator=source)
            outputs = forward_fp32(self.model, found.adversarial)
            images[rows] = found.adversarial
            prediction[rows], value[rows] = outputs.logits.argmax(1), goal.using("margin").value(outputs)
            success[rows], queries[rows] = goal.reached(outputs), found.queries
            distance[rows] = threat.distance(self.x[rows], found.adversarial)
        eps = self.threat.radius(self.x).reshape(-1).expand(len(self.x))
        return Attacked(self._frame(label, eps, prediction, success, distance, value, queries), images)

    def _frame(self, label: str, eps: Tensor, prediction: Tensor, *rest: Tensor) -> pd.DataFrame:
        columns = (eps.double(), self.ids, self.y, self.prediction, prediction, *rest)
        frame = pd.DataFrame({name: part.cpu().numpy() for name, part in zip(COLUMNS[1:], columns, strict=True)})
        frame.insert(0, COLUMNS[0], label)
        return frame
