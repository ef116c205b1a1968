"""Accuracies by hand."""

import numpy as np
import pandas as pd
from synthetic import World, attacks

from tla.attacks import joined
from tla.statistics import accuracy, at_eps, main_eps, summarise, worst_case


def rows(attack, eps, fooled, queries=1):
    return pd.DataFrame(
        {"attack": attack, "eps": eps, "id": np.arange(len(fooled)), "success": fooled, "queries": queries}
    )


def test_worst_case_is_the_mean_over_images_of_the_minimum():
    frame = joined(
        [
            rows("clean", 0.0, [False, False, False, True]),
            rows("a", 0.1, [True, False, False, True], queries=3),
            rows("b", 0.1, [False, True, False, True], queries=4),
            rows("a", 0.2, [True, True, True, True], queries=5),
        ]
    )
    found = summarise(frame).set_index(["attack", "eps"])
    assert found.accuracy.to_dict() == {
        ("clean", 0.0): 0.75,
        ("a", 0.1): 0.5,
        ("b", 0.1): 0.5,
        ("a", 0.2): 0.0,
        ("worst", 0.1): 0.25,
        ("worst", 0.2): 0.0,
    }
    assert found.queries["worst", 0.1] == 7
    assert (found.n == 4).all()


def test_models_are_summarised_apart():
    one = rows("pgd", 0.1, [True, False]).assign(method="at", seed=0)
    two = rows("pgd", 0.1, [False, False]).assign(method="tla", seed=0)
    found = summarise(pd.concat([one, two])).set_index(["method", "attack"])
    assert found.accuracy["at", "worst"] == 0.5
    assert found.accuracy["tla", "pgd"] == 1.0


def test_accuracy_by_hand():
    frame = pd.DataFrame({
        "method": "at", "seed": [0, 0, 1, 1], "attack": "pgd", "eps": 0.1, "id": [0, 1, 0, 1],
        "success": [True, False, False, False],
    })  # fmt: skip
    row = accuracy(frame).iloc[0]
    assert (row["accuracy"], row["n"], row["seeds"]) == (0.75, 2, 2)


def test_worst_case_is_the_minimum_per_image():
    rows = at_eps(attacks(World(n=50, methods=("at", "tla"))))
    worst = worst_case(rows)
    for method in ("at", "tla"):
        survivors = set(range(50))
        for _, row in rows[rows["method"] == method].iterrows():
            if row["success"]:
                survivors.discard(row["id"])
        part = worst[worst["method"] == method]
        assert set(part.loc[~part["success"], "id"]) == survivors


def test_main_eps_is_where_most_attacks_were_run():
    frame = attacks(World(n=5, methods=("at",)))
    assert main_eps(frame) == 0.2
    assert set(at_eps(frame)["eps"]) == {0.0, 0.2}
    assert set(at_eps(frame, 0.3)["attack"]) == {"clean", "pgd"}
    assert np.isnan(main_eps(frame[frame["attack"] == "clean"]))
