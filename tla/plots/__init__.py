"""Figures: frames of a study's tables in, plotly figures out. Torch is never imported here."""

from tla.plots.base import CONFIG, FIGURES, figure
from tla.plots.from_store import draw, look_of, source_line
from tla.plots.pictures import Pictures
from tla.plots.theme import DARK, LIGHT, Look

__all__ = ["CONFIG", "DARK", "FIGURES", "LIGHT", "Look", "Pictures", "draw", "figure", "look_of", "source_line"]
