"""Loss, margin and probabilities of recorded steps, against a softmax of known logits."""

import numpy as np
import pandas as pd
import pytest
import torch

from tla.statistics.attack_steps import step_measures

LOGITS = torch.tensor([[4.0, 1.0, 0.0], [1.0, 3.0, 0.0], [1.0, 2.0, 5.0], [400.0, 0.0, 1.0]], dtype=torch.float64)
TRUE, FALSE = 0, 1


def rows(**more):
    probability = LOGITS.softmax(1).numpy()
    return pd.DataFrame(
        {
            "y": TRUE, "false_class": FALSE, "prediction": LOGITS.argmax(1).numpy(),
            "p_true": probability[:, TRUE], "p_false": probability[:, FALSE],
        }
        | more
    )  # fmt: skip


def test_what_older_tables_lack_is_derived_where_it_can_be():
    found = step_measures(rows())
    loss = torch.nn.functional.cross_entropy(LOGITS, torch.zeros(4, dtype=torch.long), reduction="none")
    assert found["loss"].to_numpy() == pytest.approx(loss.numpy(), abs=1e-9)
    to_false = (LOGITS[:, FALSE] - LOGITS[:, TRUE]).numpy()
    assert found["margin"].iloc[:2].to_numpy() == pytest.approx(to_false[:2])
    most = LOGITS.softmax(1).max(1).values.numpy()
    assert found["p_predicted"].iloc[[0, 1, 3]].to_numpy() == pytest.approx(most[[0, 1, 3]])
    assert found.loc[2, ["margin", "p_predicted"]].isna().all(), "a third class: not recorded"
    assert np.isfinite(found["margin"].iloc[3]), "a probability of 0 has a logarithm"


def test_what_was_measured_is_kept():
    kept = step_measures(rows(margin=[1.0, 2.0, 3.0, 4.0], p_predicted=[0.1, 0.2, 0.3, 0.4]))
    assert kept["margin"].tolist() == [1, 2, 3, 4]
    assert kept["p_predicted"].tolist() == [0.1, 0.2, 0.3, 0.4]
