"""A gallery of the test images themselves: no image is its own neighbour, centroid, positive or training example."""

import numpy as np
import pytest
import torch
from detector_contract import blobs

from tla.distances import distance, unit
from tla.nearest import leaving_out, nearest
from tla.representation import (
    DETECTORS,
    Gallery,
    angle,
    detection_frame,
    draw_triplets,
    fit_held_out,
    image_shifts,
    measure,
    shift_frame,
    shift_report,
)
from tla.representation.detectors.base import LeavesOneOut
from tla.representation.held_out import FOLDS, balanced_folds
from tla.retrieval import GalleryIndex, Queries, neighbour_path, neighbours_frame, retrieval_frame
from tla.seeding import generator
from tla.statistics.roc import Sides, auc
from tla.types import Outputs

CLASSES = 5


def noise(seed, n=400, d=16, classes=CLASSES):
    """Embeddings that say nothing about the class, under logits that know it."""
    source = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % classes
    logits = torch.randn(n, classes, generator=source) + 9 * torch.nn.functional.one_hot(y, classes)
    return Outputs(logits, torch.randn(n, d, generator=source)), y


def all_but(i, *tensors):
    keep = torch.arange(len(tensors[0])) != i
    return tuple(tensor[keep] for tensor in tensors)


def test_leaving_out_is_a_search_of_the_others():
    gallery = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    gallery[7] = gallery[3]
    queries, without = gallery[[3, 7, 5, 9]], torch.tensor([3, 7, 5, -1])
    for search in (
        lambda q, k: nearest(q, gallery, k).position,
        GalleryIndex.build(gallery, without[:1].expand(30)).positions,
    ):
        found = leaving_out(search, without)(queries, 6)
        assert torch.equal(found, nearest(queries, gallery, 6, without=without).position)
    assert found[0, 0] == 7
    assert found[1, 0] == 3


@pytest.mark.parametrize("searched", [False, True])
def test_every_measure_is_that_of_a_gallery_without_the_image(searched):
    clean, y = blobs(0, 24)
    moved = Outputs(clean.logits.flip(0), (clean.embedding + 0.3 * blobs(1, 24).outputs.embedding))
    ids = torch.arange(24).flip(0) + 100
    order = torch.randperm(24, generator=torch.Generator().manual_seed(2))
    embedding, labels = clean.embedding[order], y[order]
    gallery = Gallery(embedding, labels, ids[order])
    search = GalleryIndex.build(embedding, labels).positions if searched else None
    frame = shift_frame(clean.embedding, moved.embedding, moved.logits, y, gallery, ids=ids, k=5, search=search)
    for i in range(24):
        row, place = slice(i, i + 1), int((order == i).nonzero())
        alone = shift_frame(
            clean.embedding[row], moved.embedding[row], moved.logits[row], y[row],
            Gallery(*all_but(place, embedding, labels)), ids=ids[row], k=5,
        )  # fmt: skip
        assert alone.iloc[0]["group"] == frame.iloc[i]["group"]
        numbers = alone.select_dtypes("number").columns
        np.testing.assert_allclose(frame[numbers].iloc[i], alone[numbers].iloc[0], rtol=2e-4, atol=2e-5)


def test_the_yardstick_of_another_image_leaves_both_out():
    clean, y = blobs(0, 12)
    u = clean.embedding
    gallery, itself = Gallery(u, y, torch.arange(12)), torch.arange(12)
    other = torch.arange(12).roll(3)
    t = (y + 1) % 3
    found = image_shifts(u, u[other], t, y, gallery, 3, k=4, without=itself, moved_without=other)
    for i in range(12):
        j = int(other[i])

        def centroid(c, *gone):
            rows = [r for r in range(12) if y[r] == c and r not in gone]
            return unit(u[rows]).mean(0)

        false, both = centroid(t[i]), centroid(y[i], i, j)
        for value, embedding, own in ((found.margin_clean[i], u[i], i), (found.margin[i], u[j], j)):
            expected = distance(embedding, false) - distance(embedding, centroid(y[i], own))
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)
        way = false - both
        torch.testing.assert_close(
            found.progress[i], (unit(u[j]) - unit(u[i])) @ way / (way @ way), rtol=1e-3, atol=1e-5
        )
        apart = min(float(angle(centroid(y[i], i), centroid(c))) for c in range(3) if c != y[i])
        torch.testing.assert_close(
            float(found.relative_angle[i]), float(angle(u[i], u[j])) / apart, rtol=1e-3, atol=1e-5
        )
        rest = [r for r in range(12) if r != j]
        near = nearest(u[other[i : i + 1]], u[rest], 4).position[0]
        assert found.purity_own[i] == (y[rest][near] == y[i]).float().mean()


def test_a_gallery_of_other_images_changes_nothing():
    clean, y = blobs(0, 40)
    adversarial, training = blobs(1, 40).outputs, blobs(2, 60)
    with_ids = Gallery(training.outputs.embedding, training.y, torch.arange(60) + 1000)
    one, two = (
        measure(clean, adversarial, y, gallery, k=5, draws=20)
        for gallery in (Gallery(training.outputs.embedding, training.y), with_ids)
    )
    drawn = ["violated"]
    for first, second in zip(one, two, strict=True):
        if "measure" in first:
            first, second = (frame[~frame["measure"].isin(drawn)] for frame in (first, second))
        numbers = first.select_dtypes("number").columns
        np.testing.assert_allclose(first[numbers], second[numbers], rtol=1e-5, atol=1e-6)


def test_another_class_at_the_same_id_is_refused():
    clean, y = blobs(0, 12)
    gallery = Gallery(clean.embedding, y.roll(1), torch.arange(12))
    with pytest.raises(ValueError, match=r"gallery\.ids must be those of the test images, got another class at 12 of"):
        measure(clean, clean, y, gallery)


def test_noise_is_at_chance():
    """With the image left in, recall@1 would be 1 for clean queries; here nothing tells the classes apart."""
    clean, y = noise(0)
    attacked, _ = noise(1)
    ids = torch.arange(len(y))
    found = measure(clean, attacked, y, Gallery(clean.embedding, y, ids), ids=ids, draws=50)
    means = found.summary.query("group == 'all'").set_index(["against", "measure"])["mean"]
    chance = (len(y) / CLASSES - 1) / (len(y) - 1)
    for kind in ("clean", "adversarial", "same_class"):
        assert abs(means[kind, "recall_1"] - chance) < 0.06
        assert abs(means[kind, "purity_own"] - chance) < 0.03
        assert means[kind, "map_at_r"] < 0.12
        assert abs(means[kind, "margin"]) < 0.02
    assert abs(means["adversarial", "progress"]) < 0.15
    assert abs(means["same_class", "progress"]) < 0.15
    inside = measure(clean, attacked, y, Gallery(clean.embedding, y), ids=ids, draws=50).summary
    seen = inside.query("group == 'all' and against == 'clean'").set_index("measure")["mean"]
    assert seen["recall_1"] == 1


def test_the_public_report_takes_the_gallerys_ids():
    class Flatten(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.last = torch.nn.Linear(16, CLASSES)

        def forward(self, x):
            return Outputs(self.last(x.flatten(1)), x.flatten(1))

    source = torch.Generator().manual_seed(3)
    x, y = torch.rand(200, 1, 4, 4, generator=source), torch.arange(200) % CLASSES
    model = Flatten().eval()
    shared = shift_report(model, x, x.flip(0), y, x, y, gallery_ids=torch.arange(200), layers=())
    blind = shift_report(model, x, x.flip(0), y, x, y, layers=())
    recall = [
        float(report.summary.query("measure == 'recall_1' and group == 'all' and against == 'clean'")["mean"].iloc[0])
        for report in (shared, blind)
    ]
    assert recall[0] < 0.35
    assert recall[1] == 1


def test_a_single_image_of_a_class_has_no_measures_and_the_others_do():
    clean, y = blobs(0, 30)
    y = torch.where(torch.arange(30) == 4, 3, y)
    outputs = Outputs(torch.cat([clean.logits, -torch.ones(30, 1)], 1), clean.embedding)
    found = measure(outputs, outputs, y, Gallery(clean.embedding, y, torch.arange(30)), draws=10)
    assert np.isnan(found.images.loc[4, "margin"])
    assert found.images.drop(4)["margin"].notna().all()
    violated = found.summary.query("measure == 'violated' and group == 'all' and against == 'clean'")
    assert violated["n"].item() == 29


def test_a_triplets_positive_is_another_image():
    clean, y = blobs(0, 9)
    for seed in range(20):
        drawn = draw_triplets(
            clean.embedding, y, clean.embedding, y, generator=generator(seed, "x"), without=torch.arange(9)
        )
        assert (drawn.positive != torch.arange(9)).all()
        assert torch.equal(y[drawn.positive], y)
    counts = torch.zeros(9, 9)
    for seed in range(600):
        drawn = draw_triplets(
            clean.embedding, y, clean.embedding, y, generator=generator(seed, "y"), without=torch.arange(9)
        )
        counts[torch.arange(9), drawn.positive] += 1
    assert counts[counts > 0].min() > 230, "both others of a class of three, equally often"
    with pytest.raises(ValueError, match="another image of every anchor's class"):
        draw_triplets(clean.embedding[:3], y[:3], clean.embedding[:3], y[:3], without=torch.arange(3))


LEAVE_ONE_OUT = [name for name in DETECTORS.names() if issubclass(DETECTORS.get(name), LeavesOneOut)]


def test_the_density_and_neighbour_detectors_have_a_closed_form():
    assert set(LEAVE_ONE_OUT) == {"gaussian", "gaussian_diagonal", "mahalanobis", "knn", "lid"}


@pytest.mark.parametrize("name", LEAVE_ONE_OUT)
def test_leaving_one_out_is_a_fit_to_the_others(name):
    gallery, y = blobs(0, 60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    test = Outputs(gallery.logits[order], gallery.embedding[order] + 0.2)
    without = torch.where(order < 50, order, -1)
    detector = DETECTORS.build(name)
    found = fit_held_out(detector, gallery, y, without)(test)
    assert found.dtype == torch.float32
    for i in range(60):
        keep = torch.arange(60) != without[i]
        score = detector.fit(gallery.embedding[keep], gallery.logits[keep], y[keep])
        expected = score(Outputs(test.logits[i : i + 1], test.embedding[i : i + 1]))
        torch.testing.assert_close(found[i : i + 1], expected, rtol=1e-3, atol=1e-3)


def test_other_detectors_are_fitted_in_folds():
    gallery, y = blobs(0, 60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    test, without = Outputs(*(tensor[order] for tensor in gallery)), torch.where(order < 50, order, -1)
    detector, fold = DETECTORS.build("mixture"), balanced_folds(y, FOLDS)
    found = fit_held_out(detector, gallery, y, without)(test)
    for i in range(60):
        keep = fold >= 0 if without[i] < 0 else fold != fold[without[i]]
        expected = detector.fit(gallery.embedding[keep], gallery.logits[keep], y[keep])
        row = slice(i, i + 1)
        torch.testing.assert_close(found[row], expected(Outputs(test.logits[row], test.embedding[row])))
    with pytest.raises(ValueError, match="folds must lie between 2 and the gallery's 60 images, got 1"):
        fit_held_out(detector, gallery, y, without, folds=1)


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_are_balanced(folds):
    y = torch.tensor([0] * 11 + [1] * 7 + [2] * 23)
    fold = balanced_folds(y, folds, seed=3)
    for rows in (y == 0, y == 1, y == 2, y >= 0):
        counts = torch.bincount(fold[rows], minlength=folds)
        assert counts.max() - counts.min() <= 1
    assert not torch.equal(fold, balanced_folds(y, folds, seed=4))


@pytest.mark.parametrize("name", [name for name in DETECTORS.names() if name not in ("react", "vim")])
def test_detection_of_noise_is_at_chance(name):
    """Clean images of the gallery look like new ones; a fit that has seen them would not."""
    clean, y = noise(0)
    new, _ = noise(1)
    everything = torch.arange(len(y))
    score = fit_held_out(DETECTORS.build(name), clean, y, everything)
    frame = detection_frame({name: score}, clean, new, y)
    one, two = (frame.loc[frame["kind"] == kind, "score"].to_numpy(np.float64) for kind in ("adversarial", "clean"))
    assert abs(auc(Sides(one, two)) - 0.5) < 0.07
    chosen = torch.tensor([5, 399, 17])
    part = score.select(chosen)(Outputs(*(tensor[chosen] for tensor in clean)))
    torch.testing.assert_close(part, torch.from_numpy(two[chosen].astype(np.float32)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["gaussian_diagonal", "knn", "gaussian", "mixture"])
def test_a_fit_that_has_seen_the_images_is_not_at_chance(name):
    clean, y = noise(0)
    new, _ = noise(1)
    detector = DETECTORS.build(name)
    score = detector.fit(clean.embedding, clean.logits, y)
    frame = detection_frame({name: score}, clean, new, y)
    one, two = (frame.loc[frame["kind"] == kind, "score"].to_numpy(np.float64) for kind in ("adversarial", "clean"))
    held = detection_frame({name: fit_held_out(detector, clean, y, torch.arange(len(y)))}, clean, new, y)
    three = held.loc[held["kind"] == "clean", "score"].to_numpy(np.float64)
    assert auc(Sides(one, two)) > auc(Sides(one, three)) + 0.01


@pytest.mark.parametrize("name", [name for name in DETECTORS.names() if name not in ("react", "vim")])
def test_the_gradient_of_a_held_out_score(name):
    gallery, y = blobs(0, 60)
    score = fit_held_out(DETECTORS.build(name), gallery, y, torch.arange(60))
    embedding = gallery.embedding.clone().requires_grad_()
    value = score(Outputs(embedding[:, :3] * 1.0, embedding))
    (gradient,) = torch.autograd.grad(value.sum(), embedding)
    step = 1e-3 * torch.randn(60, 6, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        ends = [score(Outputs((e := embedding + sign * step)[:, :3], e)).double().sum() for sign in (1, -1)]
    size = float(value.detach().abs().sum())
    assert abs(float(ends[0] - ends[1]) - 2 * float((gradient * step).sum())) < 2e-4 * size


def test_retrieval_tables_leave_the_query_out():
    clean, y = noise(0, 60)
    index = GalleryIndex.build(clean.embedding, y)
    queries = Queries("clean", clean.embedding, clean.logits.argmax(1))
    frame = neighbours_frame(index, queries, y, k=4, same_split=True)
    assert (frame["neighbour"] != frame["id"]).all()
    assert retrieval_frame(index, queries, y, same_split=True)["recall_1"].mean() < 0.5
    path = neighbour_path(index, clean.embedding[[7, 7]], torch.tensor([0, 1]), int(y[7]), 3, without=7)
    assert 7 not in set(path["neighbour"])
    assert path["neighbour"].tolist()[:3] == frame.query("id == 7")["neighbour"].tolist()[:3]
    with_itself = neighbour_path(index, clean.embedding[[7]], torch.tensor([0]), int(y[7]), 3)
    assert with_itself["neighbour"].iloc[0] == 7
