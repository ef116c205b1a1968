"""Data sources, one per file; images in memory; subsets of them."""

from tla.data.base import SOURCES, Source, Splits, data_root, load_source
from tla.data.loading.arrays import images_from
from tla.data.loading.images import Images
from tla.data.loading.subsets import Halves, holdout, per_class

__all__ = [
    "SOURCES",
    "Halves",
    "Images",
    "Source",
    "Splits",
    "data_root",
    "holdout",
    "images_from",
    "load_source",
    "per_class",
]
