"""The real data sets under TLA_DATA."""

import hashlib
import time
from pathlib import Path

import pytest
import torch
from source_contract import check_source

from tla.data import SOURCES, load_source
from tla.data.loading.cache import cache_folder

pytestmark = pytest.mark.data


def _needs(folder: Path, name: str) -> None:
    if not (folder / name).is_dir():
        pytest.skip(f"TLA_DATA has no {name}")


@pytest.mark.slow
@pytest.mark.more
@pytest.mark.parametrize("name", [n for n in SOURCES.names() if SOURCES.get(n).downloaded and n != "torchvision"])
def test_every_published_source_keeps_its_contract(name, tmp_path):
    try:
        check_source(name, tmp_path)  # found under TLA_DATA; a failed download leaves no folder there
    except FileNotFoundError as error:
        pytest.skip(str(error))


def test_mnist(data_folder):
    _needs(data_folder, "MNIST")
    train, test = load_source("mnist").load(data_folder)
    assert (len(train), len(test), train.shape) == (60_000, 10_000, (1, 28, 28))
    assert torch.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert train.floats().mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert train.floats().std().item() == pytest.approx(0.3081, abs=1e-4)


@pytest.mark.slow
@pytest.mark.more
def test_cifar10_is_read_from_the_cache_the_second_time(data_folder):
    _needs(data_folder, "cifar10")
    source = load_source("cifar10")
    train, test = source.load(data_folder)
    assert (len(train), len(test), train.shape) == (50_000, 10_000, (3, 32, 32))
    assert torch.bincount(train.labels).tolist() == [5000] * 10
    mean = train.pixels.double().mean((0, 2, 3)) / 255
    assert torch.allclose(mean, torch.tensor([0.4914, 0.4822, 0.4465]).double(), atol=1e-4)
    assert list(cache_folder().glob("train-*.safetensors"))
    start = time.perf_counter()
    again = source.load(data_folder)
    seconds = time.perf_counter() - start
    assert torch.equal(again.train.pixels, train.pixels)
    assert seconds < 5
    digest = [hashlib.sha256(images.pixels.numpy().tobytes()).hexdigest() for images in (test, again.test)]
    assert digest[0] == digest[1]


@pytest.mark.slow
def test_tiny_imagenet(data_folder):
    _needs(data_folder, "tiny-imagenet-200")
    train, test = load_source("tiny-imagenet").load(data_folder)
    classes = len(train.classes)
    assert (len(train), len(test), train.shape) == (500 * classes, 50 * classes, (3, 64, 64))
    assert "Yorkshire terrier" in train.classes
    assert torch.bincount(test.labels).tolist() == [50] * classes
