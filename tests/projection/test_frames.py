import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial import procrustes as peer

from tla.projection import PROJECTIONS, Points, align_maps, barycentre, map_frame, procrustes


@pytest.fixture
def images():
    rng = torch.Generator().manual_seed(0)
    y = torch.arange(30) % 3
    clean = 3 * torch.eye(3, 8)[y] + torch.rand(30, 8, generator=rng)
    return Points(clean, y), Points(clean + torch.rand(30, 8, generator=rng), (y + 1) % 3), y


PCA = PROJECTIONS.build("pca")


def test_joint_map(images):
    frame = map_frame(PCA, *images, ids=torch.arange(100, 130))
    assert list(frame) == ["projection", "kind", "id", "y", "prediction", "u", "v"]
    assert frame["projection"].unique().tolist() == ["pca"]
    assert frame["kind"].tolist() == ["clean"] * 30 + ["adversarial"] * 30
    assert frame["id"].tolist() == [*range(100, 130)] * 2
    assert frame["prediction"].tolist() == images[0].prediction.tolist() + images[1].prediction.tolist()
    expected = PCA(torch.cat([images[0].embedding, images[1].embedding]))
    np.testing.assert_array_equal(frame[["u", "v"]], expected)


def test_attacked_images_placed_by_neighbours_or_transform(images):
    clean, adversarial, _ = images
    fitted = PCA.fit(clean.embedding)
    for placement, expected in [
        ("barycentre", barycentre(adversarial.embedding, clean.embedding, fitted.coordinates)),
        ("transform", fitted.transform(adversarial.embedding)),
    ]:
        frame = map_frame(PCA, *images, placement=placement)
        assert frame["projection"].unique().tolist() == [f"pca/{placement}"]
        np.testing.assert_array_equal(frame[["u", "v"]], torch.cat([fitted.coordinates, expected]))


@pytest.mark.parametrize(("placement", "label"), [("joint", "pca/sample"), ("transform", "pca/sample/transform")])
def test_a_sample_is_drawn_and_the_rest_placed(images, placement, label):
    frame = map_frame(PCA, *images, placement=placement, sample=10, seed=4)
    assert frame["projection"].unique().tolist() == [label]
    assert frame[["u", "v"]].notna().all(axis=None)
    assert len(frame) == 60
    again = map_frame(PCA, *images, placement=placement, sample=10, seed=4)
    pd.testing.assert_frame_equal(frame, again)
    assert not frame.equals(map_frame(PCA, *images, placement=placement, sample=10, seed=5))
    whole = map_frame(PCA, *images, placement=placement, sample=30)
    assert (whole["projection"] == label.replace("/sample", "")).all()


def test_bad_input_is_named(images):
    clean, adversarial, y = images
    tsne = PROJECTIONS.build("tsne")
    with pytest.raises(ValueError, match=r"must be of the same images, got \[29, 30\] of them"):
        map_frame(PCA, clean, adversarial, y[:29])
    with pytest.raises(ValueError, match=r"TSNE\(.*\) has no transform of new points; use placement 'barycentre'"):
        map_frame(tsne, *images, placement="transform")
    with pytest.raises(ValueError, match="sample must be >= 1, got 0"):
        map_frame(PCA, *images, sample=0)
    with pytest.raises(ValueError, match="search must be of exactly what is drawn"):
        map_frame(PCA, *images, sample=5, search=lambda queries, k: torch.zeros(len(queries), k))


def test_procrustes_undoes_a_turn_and_is_scipys():
    rng = np.random.default_rng(0)
    points = torch.tensor(rng.normal(size=(20, 2)))
    angle = 0.7
    turn = torch.tensor([[np.cos(angle), np.sin(angle)], [np.sin(angle), -np.cos(angle)]])
    moved = 3 * points @ turn + torch.tensor([5.0, -2.0])
    move = procrustes(moved, points)
    torch.testing.assert_close(move(moved), points)
    assert move.disparity == pytest.approx(0, abs=1e-9)
    noisy = moved + torch.tensor(rng.normal(size=(20, 2)))
    assert procrustes(noisy, points).disparity == pytest.approx(peer(points.numpy(), noisy.numpy())[2], rel=1e-6)


def test_procrustes_of_a_single_place():
    move = procrustes(torch.ones(4, 2), torch.rand(4, 2))
    assert move(torch.ones(4, 2)).isfinite().all()
    assert procrustes(torch.rand(4, 2), torch.ones(4, 2)).disparity == 0


def test_maps_of_methods_are_aligned_by_their_clean_images(images):
    first = map_frame(PCA, *images).assign(method="at", seed=0)
    turned = first.assign(method="tla", u=-2 * first["v"] + 1, v=2 * first["u"])
    other = first.assign(method="tla", projection="umap", u=first["v"], v=first["u"])
    both = pd.concat([turned, first, other], ignore_index=True)
    aligned = align_maps(both, "at")
    np.testing.assert_allclose(aligned.loc[:59, ["u", "v"]], first[["u", "v"]], atol=1e-5)
    pd.testing.assert_frame_equal(aligned[60:], both[60:])
    assert list(aligned) == list(both)
    by_default = align_maps(both)
    pd.testing.assert_frame_equal(by_default[:60], both[:60])
    with pytest.raises(ValueError, match="reference must be one of tla, at, got 'alp'"):
        align_maps(both, "alp")
    assert not len(align_maps(both[:0]))
