"""A recorded attack as rows of the table `trajectory`: what the model says and where the embedding is at each step."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.attacks import Trajectory
from tla.distances import distance


class AttackedImages(NamedTuple):
    """What steps are compared with, one entry for each of n attacked images.

    Attributes:
        ids: Of the images, shape (n,).
        y: Their classes, shape (n,).
        false_class: The wrong class whose probability and centroid are followed, shape (n,).
        own: Centroid of the own class, shape (n, d).
        false: Centroid of the false class, shape (n, d).
    """

    ids: Int[Tensor, " n"]
    y: Int[Tensor, " n"]
    false_class: Int[Tensor, " n"]
    own: Float[Tensor, "n d"]
    false: Float[Tensor, "n d"]


def step_table(
    recorded: Trajectory,
    logits: Float[Tensor, "r classes"],
    images: AttackedImages,
    places: Float[Tensor, "r 2"],
    *,
    attack: str,
    eps: float,
) -> pd.DataFrame:
    """One row per recorded step.

    Args:
        recorded: The steps, with embeddings.
        logits: Of the iterates, shape (r, classes).
        images: The attacked images, in the order of `recorded.row`.
        places: On the map, shape (r, 2).
        attack: Its label.
        eps: Its radius.

    Raises:
        ValueError: if no embeddings were recorded.
    """
    if recorded.embedding is None:
        raise ValueError("recorded must have embeddings: give Recorder(embedding=torch.float32) to the attack")
    row, embedding = recorded.row.cpu(), recorded.embedding.cpu()
    ids, y, wrong, own, false = (values[row] for values in images)
    probability, every = logits.softmax(1), torch.arange(len(row))
    margin = logits.scatter(1, y[:, None], -torch.inf).amax(1) - logits[every, y]
    return pd.DataFrame({
        "attack": attack,
        "eps": eps,
        "id": ids.numpy().astype(np.int32),
        "restart": recorded.restart.cpu().numpy(),
        "step": recorded.step.cpu().numpy(),
        "y": y.numpy(),
        "false_class": wrong.numpy(),
        "prediction": recorded.prediction.cpu().numpy(),
        "value": recorded.value.cpu().float().numpy(),
        "success": recorded.success.cpu().numpy(),
        "p_true": probability[every, y].numpy(),
        "p_false": probability[every, wrong].numpy(),
        "p_predicted": probability.amax(1).numpy(),
        "margin": margin.numpy(),
        "distance_own": distance(embedding, own).numpy(),
        "distance_false": distance(embedding, false).numpy(),
        "u": places[:, 0].numpy(),
        "v": places[:, 1].numpy(),
    })  # fmt: skip
