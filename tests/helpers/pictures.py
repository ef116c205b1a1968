"""Pictures that tests write and read."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image


def picture(seed: int, size: tuple[int, int] = (6, 5), mode: str = "RGB") -> Image.Image:
    """Random pixels; size is (width, height)."""
    channels = {"RGB": (3,), "L": ()}[mode]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8))


def pixels_of(file: Path) -> torch.Tensor:
    """RGB pixels by Pillow alone, shape (3, h, w)."""
    return torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1)
