"""What a recorded attack did to a prediction at each of its steps: loss, margin and probabilities."""

import numpy as np

from tla.statistics.frame import Frame

LEAST = float(np.finfo(np.float32).tiny)
"""Probabilities of 0 count as this, so that their logarithm is finite."""


def step_measures(rows: Frame) -> Frame:
    """Rows of the `trajectory` table with the columns loss, margin and p_predicted at every step.

    The loss is the cross-entropy of the true class. The margin is the largest logit of a wrong class minus that of the
    true class: above 0, the image is misclassified. Older tables lack margin and p_predicted: there the margin is that
    of the false class, and both are nan at steps that predict a third class.

    Args:
        rows: Rows of the table.
    """
    p_true, p_false = (rows[name].to_numpy(float) for name in ("p_true", "p_false"))
    right = (rows["prediction"] == rows["y"]).to_numpy(bool)
    false = (rows["prediction"] == rows["false_class"]).to_numpy(bool) if "false_class" in rows.columns else ~right
    likely = np.where(right, p_true, np.where(false, p_false, np.nan))
    true, other = np.log(np.maximum(p_true, LEAST)), np.log(np.maximum(p_false, LEAST))
    found = {"loss": -true}
    if "margin" not in rows.columns:
        found["margin"] = np.where(np.isnan(likely), np.nan, other - true)
    if "p_predicted" not in rows.columns:
        found["p_predicted"] = likely
    return rows.assign(**found)
