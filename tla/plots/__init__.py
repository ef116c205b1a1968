"""Figures: functions from a study's tables to plotly figures. Torch is never imported here."""

from tla.plots.base import CONFIG, FIGURES, figure
from tla.plots.drawing.draw import draw, look_of, source_line
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.theme import DARK, LIGHT, Look

__all__ = ["CONFIG", "DARK", "FIGURES", "LIGHT", "Look", "Pictures", "draw", "figure", "look_of", "source_line"]
