"""Attacks on a ranking move the item where they say, and report what an explicit loop counts."""

import numpy as np
import pytest
import torch
from torch import nn

from tla.attacks import PGD
from tla.attacks.evaluation.ranking import KINDS, RankedImages, attack_rankings, rank_of
from tla.distances import pairwise
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs

ATTACK = PGD(steps=15, step_size="eps/4", pursuit="all_steps")


class Encoder(nn.Module):
    """An embedding and no classifier."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(36, 24), nn.Tanh(), nn.Linear(24, 8))
        source = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for p in self.parameters():
                p.copy_(torch.randn(p.shape, generator=source) / 3)

    def forward(self, x):
        return self.layers(x)


def images(n, seed):
    return torch.rand(n, 1, 6, 6, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder():
    return Encoder()


def run(encoder, eps=0.1, **settings):
    queries = RankedImages(images(9, 1), torch.arange(9) % 3, 100 + torch.arange(9))
    gallery = RankedImages(images(60, 2), torch.arange(60) % 3, 500 + torch.arange(60))
    settings = {"generator": generator(0, "ranking"), "batch": 4, **settings}
    return attack_rankings(encoder, queries, gallery, ATTACK, Threat("linf", eps), **settings)


def test_each_kind_moves_the_item_its_way(encoder):
    table = run(encoder).ranking
    assert list(table["kind"].unique()) == list(KINDS)
    for kind, rows in table.groupby("kind"):
        moved = rows["rank_after"] - rows["rank_before"]
        assert (moved.mean() < -5) if kind.endswith("+") else (moved.mean() > 5), kind
    lowered = table[table["kind"].str.endswith("-")]
    assert (lowered["rank_before"] == 1).all()  # the nearest one
    raised = table[table["kind"].str.endswith("+")]
    assert (raised["candidate_y"] != raised["y"]).all()


def test_more_radius_moves_further_and_none_not_at_all(encoder):
    ranks = {eps: run(encoder, eps, kinds=("QA+", "CA+")).ranking["rank_after"].mean() for eps in (0.0, 0.03, 0.2)}
    assert ranks[0.2] < ranks[0.03] < ranks[0.0]
    still = run(encoder, 0.0).ranking
    assert (still["rank_before"] == still["rank_after"]).all()


def test_an_attacked_item_changes_one_distance_and_an_attacked_query_all(encoder):
    for kind, others in (("CA-", True), ("QA-", False)):
        lists = run(encoder, kinds=(kind,), k=60).lists
        for _, rows in lists.groupby("id"):
            before, after = (
                rows[(rows["list"] == name) & ~rows["candidate"]].sort_values("neighbour")["distance"].to_numpy()
                for name in ("before", "after")
            )
            assert np.allclose(before, after) == others


def test_scores_are_the_explicit_loop(encoder):
    table = run(encoder, kinds=("QA+",), candidates=[500 + i for i in range(9)]).ranking
    x, gallery, y = images(9, 1), images(60, 2), torch.arange(60) % 3
    with torch.no_grad():
        distances = pairwise(encoder(x), encoder(gallery), "abs_cosine")
    for row in table.itertuples():
        i = row.id - 100
        order = sorted(range(60), key=lambda j: float(distances[i, j]))
        assert row.candidate == 500 + i
        assert row.rank_before == order.index(i) + 1
        hits = [int(y[j]) == i % 3 for j in order]
        assert row.recall_1_before == float(hits[0])
        expected = sum(hits[r] * sum(hits[: r + 1]) / (r + 1) for r in range(20)) / 20
        assert row.map_at_r_before == pytest.approx(expected, abs=1e-5)


def test_lists_say_who_enters_and_who_leaves(encoder):
    lists = run(encoder, 0.2, kinds=("QA+",), shown=3, k=5).lists
    assert lists["id"].nunique() == 3
    for _, rows in lists.groupby("id"):
        before, after = (set(rows.loc[rows["list"] == name, "neighbour"]) for name in ("before", "after"))
        for row in rows.itertuples():
            expected = "stays" if row.neighbour in before & after else "leaves" if row.list == "before" else "enters"
            assert row.change == expected


def test_a_classifier_and_images_without_classes(encoder):
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = encoder, nn.Linear(8, 3)

        def forward(self, x):
            h = self.encoder(x)
            return Outputs(self.head(h), h)

    same = run(Whole()).ranking
    assert same["rank_after"].tolist() == run(encoder).ranking["rank_after"].tolist()
    bare = attack_rankings(
        encoder,
        RankedImages(images(2, 1)),
        RankedImages((images(9, 2) * 255).to(torch.uint8)),
        ATTACK,
        Threat("linf", 0.1),
    ).ranking
    assert bare["recall_1_after"].isna().all()
    assert (bare["y"] == -1).all()


def test_a_query_is_never_in_its_own_list(encoder):
    images_, ids = images(12, 2), torch.arange(12) + 40
    whole = RankedImages(images_, torch.arange(12) % 3, ids)
    few = RankedImages(images_[:4], whole.y[:4], ids[:4])
    made = attack_rankings(encoder, few, whole, ATTACK, Threat("linf", 0.1), same_split=True, k=11)
    assert (made.lists["neighbour"] != made.lists["id"]).all()
    assert (made.ranking["candidate"] != made.ranking["id"]).all()
    assert (made.ranking["gallery"] == 11).all()
    assert made.ranking["rank_after"].max() <= 11
    with torch.no_grad():
        distances = pairwise(encoder(images_), encoder(images_), "abs_cosine")
    order = sorted(range(1, 12), key=lambda j: float(distances[0, j]))
    first = made.ranking[(made.ranking["id"] == 40) & (made.ranking["kind"] == "QA-")].iloc[0]
    assert first["recall_1_before"] == float(order[0] % 3 == 0)
    assert first["candidate"] == 40 + order[0]


def test_ties_take_the_middle():
    assert rank_of(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), torch.tensor([1])).tolist() == [3]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"candidates": [7] * 9}, "candidates must be ids of the gallery, got 7, not in it"),
        ({"candidates": [500]}, "candidates must name one item per query, got 1 for 9 queries"),
        ({"kinds": ("QA",)}, r"kinds must be among CA\+, CA-, QA\+, QA-, got 'QA'"),
    ],
)
def test_bad_input_is_named(encoder, settings, text):
    with pytest.raises(ValueError, match=text):
        run(encoder, **settings)


def test_nothing_to_rank(encoder):
    with pytest.raises(ValueError, match="queries must hold at least one image, got none"):
        attack_rankings(encoder, RankedImages(images(0, 1)), RankedImages(images(3, 1)), ATTACK, Threat("linf", 0.1))
    with pytest.raises(ValueError, match="gallery must hold at least 2 images to rank, got 1"):
        attack_rankings(encoder, RankedImages(images(1, 1)), RankedImages(images(1, 1)), ATTACK, Threat("linf", 0.1))
    with pytest.raises(ValueError, match=r"model must return embeddings of shape \(b, d\), d >= 2, or Outputs, got"):
        attack_rankings(
            nn.Flatten(0), RankedImages(images(2, 1)), RankedImages(images(3, 1)), ATTACK, Threat("linf", 0.1)
        )
