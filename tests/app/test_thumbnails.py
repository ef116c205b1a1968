"""Pictures on a page are no larger than is seen of them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("streamlit", reason="the extra 'app' is not installed")

from board.pictures import uri


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text.split(",")[1])))


@pytest.mark.parametrize("channels", [1, 3])
def test_large_pictures_are_reduced_to_means(channels):
    image = np.random.default_rng(0).integers(0, 256, (channels, 224, 224), dtype=np.uint8)
    small = opened(uri(image, 40))
    assert small.size == (112, 112)
    shown = np.asarray(small.convert("RGB"), dtype=float)[..., :channels]
    means = image.reshape(channels, 112, 2, 112, 2).mean((2, 4)).transpose(1, 2, 0)
    assert np.abs(shown - means).max() <= 1
    assert len(uri(image, 40)) < 0.5 * len(uri(image, 224))


def test_small_pictures_stay_as_they_are():
    image = np.random.default_rng(0).random((3, 64, 64), dtype=np.float32)
    assert opened(uri(image, 40)).size == (64, 64)
