"""The data set that ships: scikit-learn's 8 x 8 handwritten digits."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from tla.data.base import SOURCES, Source, Splits
from tla.data.loading.images import Images
from tla.data.loading.subsets import holdout


@SOURCES.register("digits")
@dataclass(frozen=True, kw_only=True)
class Digits(Source):
    """1,797 handwritten digits of 8 x 8 pixels (UCI, via scikit-learn); no download.

    Args:
        test: Number of test images, drawn per class with a fixed seed.
    """

    credit: ClassVar[str] = (
        "The images are a part of Optical Recognition of Handwritten Digits by E. Alpaydin and C. Kaynak (UCI Machine "
        "Learning Repository, 1998), licensed under CC BY 4.0, https://creativecommons.org/licenses/by/4.0/; the "
        "adversarial images were made from them."
    )

    test: int = 500

    def __post_init__(self) -> None:
        if not 10 <= self.test <= 1700:
            raise ValueError(f"digits.test must be between 10 and 1700, got {self.test}")

    def listing(self, root: Path | None = None) -> str:
        """Empty: they are part of a package."""
        return ""

    def load(self, root: Path | None = None) -> Splits:
        """Train (1,297 images) and test (500); `root` is not used."""
        table = np.loadtxt(_file(), delimiter=",", dtype=np.float32)
        pixels = torch.from_numpy(np.rint(table[:, :64] * (255 / 16)).astype(np.uint8)).reshape(-1, 1, 8, 8)
        labels = torch.from_numpy(table[:, 64]).long()
        ids = torch.arange(len(labels))
        train, test = holdout(Images(pixels, labels, tuple("0123456789"), ids, "digits", "train"), self.test, seed=0)
        return Splits(train.as_split("train"), test.as_split("test"))


def _file() -> Path:
    """The table inside scikit-learn, whose import takes a hundred times as long as reading it.

    Raises:
        FileNotFoundError: if scikit-learn is not installed.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the digits are part of scikit-learn: pip install scikit-learn")
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
