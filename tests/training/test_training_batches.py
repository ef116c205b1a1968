"""Sampling and augmentation on the device, against explicit loops."""

import pytest
import torch
from scipy.stats import chisquare
from training_small import images_of

from tla.training.bank import Bank
from tla.training.batches import Pool
from tla.training.setup import split


def pool_of(labels, **changes):
    settings = {"pad": 0, "flip": False, "channels_last": False} | changes
    return Pool(images_of(labels, size=6), torch.device("cpu"), **settings)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_plain_view_is_the_pixels():
    images = images_of([0, 1, 2, 1])
    pool = Pool(images, torch.device("cpu"), pad=0, flip=False, channels_last=True)
    rows = torch.tensor([2, 0])
    assert torch.equal(pool.view(rows, rng()), images.floats(rows))


@pytest.mark.parametrize("flip", [True, False])
def test_crops_and_flips_are_windows_of_the_padded_image(flip):
    pool = pool_of([0] * 3, pad=2, flip=flip)
    windows = set()
    for seed in range(400):
        found = pool.view(torch.tensor([seed % 3]), rng(seed))[0, 0]
        padded = torch.nn.functional.pad(images_of([0] * 3, size=6).floats()[seed % 3, 0], (2,) * 4)
        matches = [
            (top, left, mirrored)
            for top in range(5)
            for left in range(5)
            for mirrored in (False, True)
            if torch.equal(found, window(padded, top, left, mirrored))
        ]
        assert len(matches) == 1
        windows.add(matches[0])
    assert len(windows) == (50 if flip else 25)


def window(padded, top, left, mirrored):
    cut = padded[top : top + 6, left : left + 6]
    return cut.flip(1) if mirrored else cut


def test_positives_are_another_image_of_the_class_drawn_uniformly():
    labels = [0, 1, 0, 2, 1, 0, 2, 0]
    pool, rows = pool_of(labels), torch.arange(8).repeat(3000)
    drawn = pool.positives(rows, rng())
    for i, y in enumerate(labels):
        counts = torch.bincount(drawn[rows == i], minlength=8)
        allowed = [j for j, other in enumerate(labels) if other == y and j != i]
        assert counts.sum() == counts[allowed].sum()
        assert len(allowed) == 1 or chisquare(counts[allowed].numpy()).pvalue > 1e-4


def test_order_is_a_permutation_of_its_epoch():
    pool = pool_of([0, 1] * 20)
    first, second = pool.order(0, 0), pool.order(0, 1)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(40))
    assert first.tolist() != second.tolist()
    assert first.tolist() == pool.order(0, 0).tolist()


def test_split_holds_out_the_same_images():
    held_out, kept = split(100, 30)
    assert sorted(held_out.tolist() + kept.tolist()) == list(range(100))
    assert held_out.tolist() == split(100, 30).held_out.tolist()


def test_bank_is_a_ring():
    bank, values_put = Bank(5, 1, torch.device("cpu")), []
    for start, count in ((0, 2), (2, 3), (5, 1), (6, 4), (10, 9)):
        values = torch.arange(start, start + count)
        bank.put(values[:, None].float(), values)
        values_put += values.tolist()
        expected = sorted(values_put[-5:])
        assert sorted(v for v in bank.labels.tolist() if v >= 0) == expected
        full = bank.labels >= 0
        assert torch.equal(bank.embeddings[full, 0].long(), bank.labels[full])
    copy = Bank(5, 1, torch.device("cpu"))
    copy.restore(bank.state())
    assert copy.labels.tolist() == bank.labels.tolist()
    assert copy.next == bank.next
