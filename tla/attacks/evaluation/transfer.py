"""Adversarial images of one model, shown to others."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.attacks.base import Attack, check_evaluates
from tla.attacks.goals import Untargeted
from tla.attacks.search.forward import check_inputs, check_outputs, forward_fp32
from tla.attacks.search.loop import with_pursuit
from tla.models.network.mode import evaluating
from tla.precision import Precision, autocast
from tla.seeding import generator
from tla.tensors import as_images, as_labels, dtype_of
from tla.threat import Threat
from tla.types import Model


class TransferProgress(NamedTuple):
    """How far a transfer has got.

    Attributes:
        source: The model whose images of a batch have just been shown to every model.
        done: (image, source) pairs finished.
        total: Number of pairs.
    """

    source: str
    done: int
    total: int

    @property
    def share(self) -> float:
        """The finished share, 0..1."""
        return self.done / self.total

    @property
    def text(self) -> str:
        """In words."""
        return f"images made on {self.source}"


def transfer(
    models: Mapping[str, Model],
    x: Float[Tensor, "n ..."],
    y: Int[Tensor, " n"],
    attack: Attack,
    threat: Threat,
    *,
    ids: Int[Tensor, " n"] | None = None,
    batch: int = 250,
    seed: int = 0,
    precision: Precision = "auto",
    progress: Callable[[TransferProgress], None] | None = None,
) -> pd.DataFrame:
    """Attack every image on every model, and show the result to every model.

    An attack with the setting `pursuit` takes all its steps: an image that has only just crossed its own model's
    boundary seldom crosses another's.

    Args:
        models: By name; each is source and target, and left unchanged.
        x: Images in the threat's box, shape (n, ...).
        y: True classes, shape (n,).
        attack: Run on the sources.
        threat: Norm, radius and box.
        ids: Name of each image in the table; by default its position.
        batch: Images per forward pass.
        seed: Seed of the attack's random numbers, the same for every source.
        precision: As for `evaluate`.
        progress: Called after each batch of each source.

    Returns:
        One row per source, target and image: source, target, id, y, clean_prediction (the target's), prediction,
        success (images that the target gets wrong clean count as fooled).

    Raises:
        ValueError: for no model, a batch below 1, and as `Attack.__call__`.
    """
    if not models:
        raise ValueError("there is no model to transfer from")
    if batch < 1:
        raise ValueError(f"batch must be >= 1, got {batch}")
    check_evaluates("attack", attack)
    attack = with_pursuit(attack, "all_steps")
    x = as_images("x", x, low=threat.low, high=threat.high, dtype=dtype_of(next(iter(models.values()))))
    y = as_labels("y", y, len(x))
    threat.check_count(len(x))
    ids = torch.arange(len(x)) if ids is None else as_labels("ids", ids, len(x))
    frames, done = [], 0
    for number, rows in enumerate(torch.arange(len(x), device=x.device).split(batch)):
        inputs, goal, local = x[rows], Untargeted(y[rows]), threat.select(rows)
        check_inputs(inputs, goal, local)
        clean = {name: _predictions(model, inputs, goal) for name, model in models.items()}
        for source, model in models.items():
            numbers = generator(seed, "attack", number, device=x.device)
            with autocast(x.device, precision):
                images = attack(model, inputs, goal, local, generator=numbers).adversarial
            for target, other in models.items():
                columns = (ids[rows.to(ids.device)], y[rows], clean[target], _predictions(other, images, goal))
                frames.append(_frame(source, target, *columns))
            done += len(rows)
            if progress is not None:
                progress(TransferProgress(source, done, len(x) * len(models)))
    return pd.concat(frames, ignore_index=True).sort_values(
        ["source", "target", "id"], kind="stable", ignore_index=True
    )


def transfer_matrix(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of each target (columns) on images from each source (rows); the diagonal is the white-box attack.

    Args:
        frame: A table of `transfer`.
    """
    right = frame.assign(accuracy=~frame["success"])
    matrix = right.pivot_table("accuracy", "source", "target", sort=False)
    return matrix.reindex(columns=matrix.index)


def _predictions(model: Model, x: Tensor, goal: Untargeted) -> Tensor:
    with evaluating(model):
        outputs = forward_fp32(model, x)
    check_outputs(outputs, goal)
    return outputs.logits.argmax(1)


def _frame(source: str, target: str, ids: Tensor, y: Tensor, clean: Tensor, prediction: Tensor) -> pd.DataFrame:
    columns = {"id": ids, "y": y, "clean_prediction": clean, "prediction": prediction}
    frame = pd.DataFrame({name: column.cpu().numpy() for name, column in columns.items()})
    frame.insert(0, "source", source)
    frame.insert(1, "target", target)
    return frame.assign(success=(prediction != y).cpu().numpy() | (clean != y).cpu().numpy())
