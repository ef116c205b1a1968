"""Data sources, one per file."""

from tla.data.base import SOURCES, Source, Splits, data_root
from tla.data.images import Images

__all__ = ["SOURCES", "Images", "Source", "Splits", "data_root"]
