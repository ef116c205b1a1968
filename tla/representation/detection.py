"""The table of detection scores: one row per image, clean and attacked."""

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.representation.checks import check_embeddings, check_labels, check_logits, positions
from tla.representation.detectors.base import Score
from tla.types import Outputs

ROWS = 512
"""Images scored at a time: detectors compare each with every class, or with its neighbours, feature by feature."""


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
        scores: Fitted detectors by name; larger = more suspicious.
        clean: Outputs of the clean test images, n rows.
        adversarial: Outputs of the same images attacked.
        y: True classes, shape (n,).
        ids: Positions of the images in their split, shape (n,); 0..n-1 by default.
        adaptive: True where the attacker also minimised the detector's score.

    Returns:
        Columns detector, adaptive, kind ("clean" or "adversarial"), id, y, prediction, score. Which rows are positives
        and which negatives is for `tla.statistics.roc.sides` to say.

    Raises:
        ValueError: for outputs that are not finite or do not fit together, or labels out of range.
    """
    parts = []
    for kind, outputs in (("clean", clean), ("adversarial", adversarial)):
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
                "score": _scored(score, outputs).cpu().numpy(),
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _scored(score: Score, outputs: Outputs) -> Float[Tensor, " n"]:
    parts = [Outputs(*pair) for pair in zip(*(part.split(ROWS) for part in outputs), strict=True)]
    with torch.no_grad():
        return torch.cat([score(part) for part in parts])
