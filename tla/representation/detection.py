"""The table of detection scores: one row per image, clean and attacked."""

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.representation.checks import check_embeddings, check_labels, check_logits, positions
from tla.representation.detectors.base import Score
from tla.representation.held_out import HeldOutScore
from tla.tensors import as_floats, as_labels
from tla.types import Outputs

ROWS = 512
"""Images per call of a detector, which compares each with every class or with its neighbours, feature by feature."""


def detection_frame(
    scores: dict[str, Score],
    clean: Outputs,
    adversarial: Outputs,
    y: Int[Tensor, " n"],
    *,
    ids: Int[Tensor, " n"] | None = None,
    adaptive: bool = False,
) -> pd.DataFrame:
    """The `detection` table of one model and one attack.

    Args:
        scores: Fitted detectors by name; larger = more suspicious. A `HeldOutScore` must be one of these images.
        clean: Outputs of the clean test images, n rows.
        adversarial: Outputs of the same images under attack.
        y: True classes, shape (n,).
        ids: Positions of the images in their split, shape (n,); 0..n-1 by default.
        adaptive: True if the attacker also minimised the detector's score.

    Returns:
        Columns detector, adaptive, kind ("clean" or "adversarial"), id, y, prediction, score.
        `tla.statistics.roc.sides` splits the rows into positives and negatives.

    Raises:
        ValueError: for outputs that are not finite or do not match, or labels out of range.
    """
    frames, y = [], as_labels("y", y)
    for kind, given in (("clean", clean), ("adversarial", adversarial)):
        outputs = Outputs(*(as_floats(kind, tensor) for tensor in given))
        check_embeddings(kind, outputs.embedding)
        check_logits(outputs.logits, len(y))
        check_labels("y", y, len(outputs.embedding), outputs.logits.shape[1])
        for name, score in scores.items():
            columns = {
                "detector": name,
                "adaptive": adaptive,
                "kind": kind,
                "id": positions(ids, outputs.embedding).cpu().numpy(),
                "y": y.cpu().numpy(),
                "prediction": outputs.logits.argmax(1).cpu().numpy(),
                "score": _score_in_batches(score, outputs).cpu().numpy(),
            }
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def _score_in_batches(score: Score, outputs: Outputs) -> Float[Tensor, " n"]:
    batches = [Outputs(*pair) for pair in zip(*(tensor.split(ROWS) for tensor in outputs), strict=True)]
    scores = [score] * len(batches)
    if isinstance(score, HeldOutScore):
        scores = [score.select(rows) for rows in torch.arange(len(outputs.logits)).split(ROWS)]
    with torch.no_grad():
        return torch.cat([some(batch) for some, batch in zip(scores, batches, strict=True)])
