"""Images in memory, and seeded subsets of them."""

from collections import Counter

import pytest
import torch

from tla.data import Images, holdout, per_class
from tla.data.loading.subsets import holdout_per_class
from tla.types import Shape


def _images(counts: tuple[int, ...], mixed: bool = True) -> Images:
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    if mixed:
        labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    n = len(labels)
    pixels = torch.arange(n)[:, None, None, None].expand(n, 1, 2, 2).remainder(256).to(torch.uint8)
    return Images(pixels, labels, tuple("abcdefghij"[: len(counts)]), torch.arange(n) + 1000, "toy", "train")


def test_ids_go_with_their_images():
    images = _images((5, 5))
    some = images.subset(torch.tensor([7, 2]))
    assert some.ids.tolist() == [1007, 1002]
    assert some.pixels[:, 0, 0, 0].tolist() == [7, 2]
    assert (len(some), some.shape, some.name, some.split) == (2, Shape(1, 2, 2), "toy", "train")


def test_a_new_split_renumbers_ids():
    split = _images((5, 5)).subset(torch.tensor([7, 2])).as_split("test")
    assert split.ids.tolist() == [0, 1]
    assert split.split == "test"


def test_floats_are_bytes_over_255():
    images = Images(
        torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1),
        torch.zeros(3).long(),
        ("a",),
        torch.arange(3),
    )
    assert images.floats().flatten().tolist() == pytest.approx([0, 0.2, 1])
    assert images.floats(torch.tensor([2])).dtype == torch.float32
    assert images.to("cpu").floats(slice(0, 2)).shape == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("pixels", "labels", "text"),
    [
        (
            torch.zeros(2, 3, 3, dtype=torch.uint8),
            [0, 0],
            "pixels must be uint8 of shape (n, c, h, w), got torch.uint8 of shape (2, 3, 3)",
        ),
        (torch.zeros(2, 1, 3, 3), [0, 0], "pixels must be uint8 of shape (n, c, h, w), got torch.float32"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), [0], "2 images need as many labels and ids, got 1 labels"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), [0, 2], "labels must be in 0..1 (2 classes), got 0..2"),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), [-1, 0], "labels must be in 0..1 (2 classes), got -1..0"),
    ],
)
def test_invalid_images(pixels, labels, text):
    """As without type checks, which in the tests stop at the constructor."""
    raw = object.__new__(Images)
    for name, value in (
        ("pixels", pixels),
        ("labels", torch.tensor(labels)),
        ("classes", ("a", "b")),
        ("ids", torch.arange(len(labels))),
    ):
        object.__setattr__(raw, name, value)
    with pytest.raises(ValueError) as caught:
        raw.__post_init__()
    assert text in str(caught.value)


@pytest.mark.parametrize("count", [0, 1, 7, 20, 99, 100])
def test_holdout_keeps_the_proportions(count):
    images = _images((60, 30, 10))
    kept, held_out = holdout(images, count, seed=3)
    assert len(held_out) == count
    assert sorted(kept.ids.tolist() + held_out.ids.tolist()) == images.ids.tolist()
    assert held_out.ids.tolist() == sorted(held_out.ids.tolist())
    for label, share in ((0, 0.6), (1, 0.3), (2, 0.1)):
        assert abs(Counter(held_out.labels.tolist())[label] - share * count) <= 1


def test_holdout_follows_the_seed_and_not_the_global_generator():
    images = _images((60, 40))
    before = torch.get_rng_state()
    draws = [holdout(images, 10, seed).held_out.ids.tolist() for seed in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert draws[0] == draws[1] != draws[2]


def test_holdout_draws_every_image_equally_often():
    images = _images((6, 3))
    drawn = Counter(i for seed in range(600) for i in holdout(images, 3, seed).held_out.ids.tolist())
    assert all(150 < drawn[i] < 250 for i in images.ids.tolist())


def test_per_class_takes_k_of_each_or_all():
    images = _images((20, 3, 8))
    some = per_class(images, 5, seed=1)
    assert torch.bincount(some.labels).tolist() == [5, 3, 5]
    assert some.ids.tolist() == sorted(some.ids.tolist())
    assert per_class(images, 5, seed=1).ids.tolist() == some.ids.tolist()
    assert per_class(images, 5, seed=2).ids.tolist() != some.ids.tolist()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
def test_holdout_per_class_leaves_one_of_each_on_both_sides(share):
    kept, held_out = holdout_per_class(_images((50, 10, 2)), share, seed=0)
    for label, n in enumerate((50, 10, 2)):
        found = (int((kept.labels == label).sum()), int((held_out.labels == label).sum()))
        assert sum(found) == n
        assert min(found) >= 1
        assert abs(found[1] - share * n) <= 1


def test_invalid_subsets():
    images = _images((3, 1))
    with pytest.raises(ValueError, match="count must be between 0 and the 4 images, got 5"):
        holdout(images, 5, 0)
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        per_class(images, 0)
    with pytest.raises(
        ValueError, match="class 'b' must have at least two images, one to hold out and one to train on, got 1"
    ):
        holdout_per_class(images, 0.5, 0)


def test_no_images_at_all():
    images = _images((2, 2)).subset(torch.tensor([], dtype=torch.int64))
    assert len(holdout(images, 0, 0).kept) == 0
    assert len(per_class(images, 3)) == 0
