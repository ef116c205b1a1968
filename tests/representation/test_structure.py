"""Separation and collapse with intervals: against the bootstrap, the plain functions, and by hand."""

import numpy as np
import pytest
import torch

from tla.representation import class_scatter, collapse_statistics, influences, silhouette, structure

NAMES = ["silhouette", "within", "between", "ratio", "dead", "zeros", "effective_rank", "norm", "crowding"]


def cloud(n, seed=0, d=6):
    """Three overlapping classes of different sizes, behind a ReLU, with directions of different spread."""
    rng = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, generator=rng) * 6).sqrt().long()
    spread = torch.linspace(1, 0.1, d)
    return (torch.randn(n, d, generator=rng) * spread + 1.5 * torch.eye(3, d)[y]).relu(), y


def plain(embedding, y):
    found = {"silhouette": float(silhouette(embedding, y).mean())}
    return found | class_scatter(embedding, y)._asdict() | collapse_statistics(embedding, y)._asdict()


def at(frame, measure, group, kind):
    (row,) = frame[(frame.measure == measure) & (frame.group == group) & (frame.kind == kind)].itertuples()
    return row


def test_influences_give_the_error_of_a_bootstrap():
    embedding, y = cloud(400)
    found = influences(embedding, y)
    rng = torch.Generator().manual_seed(1)
    draws = [
        plain(embedding[rows], y[rows]) for rows in (torch.randint(0, 400, (400,), generator=rng) for _ in range(300))
    ]
    assert set(found) == set(NAMES) - {"dead"}
    for name, moves in found.items():
        expected = np.std([draw[name] for draw in draws])
        assert float(moves.std()) / 20 == pytest.approx(expected, rel=0.15), name
        assert float(moves.mean()) == pytest.approx(0, abs=1e-12)


def test_influences_are_derivatives():
    """An image given a little more weight, by repeating all others: the measure moves as its influence says."""
    embedding, y = cloud(30)
    found, before = influences(embedding, y), plain(embedding.double(), y)
    for j in (0, 7, 19):
        rows = torch.cat([torch.arange(30).repeat(40), torch.tensor([j])])
        after = plain(embedding.double()[rows], y[rows])
        base = plain(embedding.double().repeat(40, 1), y.repeat(40))
        for name in set(found) - {"silhouette"}:  # its a excludes the image itself, so copies change it
            assert 1201 * (after[name] - base[name]) == pytest.approx(float(found[name][j]), rel=0.05, abs=0.02), name
    assert before["within"] == pytest.approx(base["within"])


def test_each_group_is_measured_alone():
    clean, y = cloud(200)
    moved, _ = cloud(200, seed=2)
    wrong = torch.arange(200) % 4 == 0
    frame = structure(clean, moved, y, wrong)
    assert list(frame) == ["measure", "group", "kind", "n", "value", "low", "high"]
    for group, mask in (("all", wrong | ~wrong), ("correct", ~wrong), ("misclassified", wrong)):
        for kind, embedding in (("clean", clean), ("adversarial", moved)):
            for name, value in plain(embedding[mask], y[mask]).items():
                row = at(frame, name, group, kind)
                assert row.value == pytest.approx(value)
                assert row.n == int(mask.sum())
                error = 0 if name == "dead" else float(influences(embedding[mask], y[mask])[name].square().mean())
                assert name == "dead" or row.high - row.low == pytest.approx(2 * 1.96 * (error / row.n) ** 0.5)
                assert np.isnan(row.low) == (name == "dead")
    assert set(structure(clean, moved, y)["group"]) == {"all"}


def test_nobody_misclassified_one_class_and_collapse():
    clean, y = cloud(20)
    frame = structure(clean, clean, y, torch.zeros(20, dtype=torch.bool))
    nobody = frame[frame.group == "misclassified"]
    assert (nobody["n"] == 0).all()
    assert nobody[["value", "low", "high"]].isna().all(axis=None)
    alone = structure(clean, clean, y * 0)
    assert np.isnan(at(alone, "silhouette", "all", "clean").value)
    assert at(alone, "between", "all", "clean").value == pytest.approx(0, abs=1e-12)
    still = structure(torch.ones(9, 4), torch.ones(9, 4), torch.arange(9) % 3)
    rank = at(still, "effective_rank", "all", "adversarial")
    assert (rank.value, rank.low, rank.high) == (0, 0, 0)
