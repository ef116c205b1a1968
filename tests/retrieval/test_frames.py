import numpy as np
import pytest
import torch

from tla.nearest import nearest
from tla.retrieval import GalleryIndex, Queries, map_at_r, neighbour_path, neighbours_frame, retrieval_frame, turnover


@pytest.fixture
def setting():
    rng = torch.Generator().manual_seed(0)
    gallery, y = torch.rand(60, 5, generator=rng), torch.arange(60) % 3
    index = GalleryIndex.build(gallery, y, torch.arange(60) + 100)
    queries = Queries("clean", torch.rand(7, 5, generator=rng), torch.arange(7) % 2)
    return index, queries, torch.arange(7) % 3


def test_neighbours_frame(setting):
    index, queries, y = setting
    frame = neighbours_frame(index, queries, y, torch.arange(7) * 10, k=4)
    assert list(frame) == ["kind", "id", "rank", "y", "prediction", "neighbour", "neighbour_y", "distance"]
    twin = nearest(queries.embedding, index.vectors, 4)
    assert len(frame) == 28
    for _, row in frame.iterrows():
        i = row["id"] // 10
        place = int(twin.position[i, row["rank"] - 1])
        assert row["neighbour"] == place + 100
        assert row["neighbour_y"] == place % 3
        assert row["distance"] == pytest.approx(float(twin.distance[i, row["rank"] - 1]), abs=1e-6)
        assert (row["y"], row["prediction"], row["kind"]) == (i % 3, i % 2, "clean")


def test_retrieval_frame(setting):
    index, queries, y = setting
    frame = retrieval_frame(index, queries, y)
    assert list(frame) == ["kind", "id", "y", "recall_1", "recall_5", "recall_10", "map_at_r"]
    neighbours = neighbours_frame(index, queries, y, k=10)
    for k in (1, 5, 10):
        hits = neighbours[neighbours["rank"] <= k].assign(hit=lambda f: f["y"] == f["neighbour_y"])
        assert frame[f"recall_{k}"].tolist() == hits.groupby("id")["hit"].any().astype(float).tolist()
    np.testing.assert_allclose(frame["map_at_r"], map_at_r(queries.embedding, y, index.vectors, index.y))


def test_in_its_own_split_a_query_does_not_find_itself(setting):
    index, _, _ = setting
    queries = Queries("clean", index.vectors[:20], index.y[:20])
    frame = neighbours_frame(index, queries, index.y[:20], index.ids[:20], same_split=True)
    assert (frame["id"] != frame["neighbour"]).all()
    assert len(frame) == 200
    alone = retrieval_frame(index, queries, index.y[:20], index.ids[:20], same_split=True)
    assert alone["map_at_r"].mean() < retrieval_frame(index, queries, index.y[:20])["map_at_r"].mean()
    assert (retrieval_frame(index, queries, index.y[:20])["recall_1"] == 1).all()
    assert (alone["recall_1"] < 1).any()


def test_a_gallery_smaller_than_ten(setting):
    _, queries, y = setting
    index = GalleryIndex.build(torch.eye(5)[:3], torch.arange(3))
    frame = retrieval_frame(index, queries, y)
    assert (frame["recall_5"] == 1).all()


def test_approximate_search_leaves_out_what_it_did_not_find(setting):
    rng = torch.Generator().manual_seed(1)
    gallery = torch.rand(1500, 5, generator=rng)
    index = GalleryIndex.build(gallery, torch.zeros(1500, dtype=torch.long), kind="approximate", probes=1)
    frame = neighbours_frame(index, setting[1], setting[2], k=500)
    assert 0 < len(frame) < 7 * 500
    assert (frame["neighbour"] >= 0).all()
    assert (frame.groupby("id")["rank"].max() == frame.groupby("id").size()).all()


def test_queries_that_do_not_match_are_refused(setting):
    index, queries, y = setting
    with pytest.raises(ValueError, match="of the same images, got 7 embeddings, 7 predictions, 6 labels, 6 ids"):
        neighbours_frame(index, queries, y[:6])


def test_neighbours_that_left_and_entered():
    import pandas as pd

    def side(kind, neighbours):
        rows = {"id": 4, "y": 1, "neighbour": neighbours, "neighbour_y": [n % 2 for n in neighbours]}
        return pd.DataFrame(rows).assign(kind=kind, rank=range(1, len(neighbours) + 1))

    frame = turnover(pd.concat([side("clean", [7, 8, 9]), side("adversarial", [9, 6, 7])]))
    assert list(frame) == ["id", "y", "neighbour", "neighbour_y", "change", "rank_clean", "rank_adversarial"]
    assert frame["neighbour"].tolist() == [7, 8, 9, 6]
    assert frame["change"].tolist() == ["stayed", "left", "stayed", "entered"]
    np.testing.assert_array_equal(frame["rank_clean"], [1, 2, 3, np.nan])
    np.testing.assert_array_equal(frame["rank_adversarial"], [3, np.nan, 1, 2])


def test_turnover_counts_balance(setting):
    import pandas as pd

    index, queries, y = setting
    moved = Queries("adversarial", queries.embedding + torch.rand(7, 5) / 2, queries.prediction)
    both = pd.concat([neighbours_frame(index, side, y, k=6) for side in (queries, moved)])
    counts = turnover(both).groupby("id")["change"].value_counts().unstack(fill_value=0)
    assert (counts["left"] == counts["entered"]).all()
    assert (counts["left"] + counts["stayed"] == 6).all()


def test_neighbours_along_a_straight_path():
    axes = torch.eye(3)
    index = GalleryIndex.build(axes, torch.arange(3))
    path = torch.tensor([[1.0, 0.1, 0.0], [1.0, 0.9, 0.0], [0.1, 1.0, 0.2]])
    frame = neighbour_path(index, path, torch.tensor([0, 5, 10]), y=0, k=2)
    assert list(frame) == ["step", "rank", "neighbour", "neighbour_y", "own", "distance", "entered"]
    assert frame["step"].tolist() == [0, 0, 5, 5, 10, 10]
    assert frame["neighbour"].tolist() == [0, 1, 0, 1, 1, 2]
    assert frame["own"].tolist() == [True, False, True, False, False, False]
    assert frame["entered"].tolist() == [False, False, False, False, False, True]
    with pytest.raises(ValueError, match="path and steps must have the same length, got 3 and 1"):
        neighbour_path(index, path, torch.tensor([0]), y=0)
