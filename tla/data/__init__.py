"""Data sources, one per file; images; ways to choose some of them."""

from tla.data.base import SOURCES, Source, Splits, data_root, load_source
from tla.data.loading.choose import Halves, holdout, per_class
from tla.data.loading.images import Images

__all__ = ["SOURCES", "Halves", "Images", "Source", "Splits", "data_root", "holdout", "load_source", "per_class"]
