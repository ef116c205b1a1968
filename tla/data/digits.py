"""The data set that ships: scikit-learn's 8 x 8 handwritten digits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tla.data.base import SOURCES, Source, Splits
from tla.data.images import Images


@SOURCES.register("digits")
@dataclass(frozen=True, kw_only=True)
class Digits(Source):
    """1,797 handwritten digits of 8 x 8 pixels (UCI, via scikit-learn); no download.

    Args:
        test: How many images are kept for testing, drawn per class with a fixed seed.
    """

    test: int = 500

    def load(self, root: Path | None = None) -> Splits:
        """Train (1,297 images) and test (500); `root` is not used."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        if not 10 <= self.test <= 1700:
            raise ValueError(f"digits.test must be between 10 and 1700, got {self.test}")
        pixels, labels = load_digits(return_X_y=True)
        pixels = np.rint(pixels.reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
        rows = np.arange(len(labels))
        train, test = train_test_split(rows, test_size=self.test, random_state=0, stratify=labels)
        return Splits(
            self._split(pixels, labels, np.sort(train), "train"), self._split(pixels, labels, np.sort(test), "test")
        )

    @staticmethod
    def _split(pixels: np.ndarray, labels: np.ndarray, rows: np.ndarray, split: str) -> Images:
        return Images(
            pixels=torch.from_numpy(pixels[rows]),
            labels=torch.from_numpy(labels[rows]).long(),
            classes=tuple("0123456789"),
            ids=torch.arange(len(rows)),
            name="digits",
            split=split,
        )
