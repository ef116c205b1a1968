"""Flat maps of embeddings, how far they can be trusted, and where new points come to lie."""

from tla.projection.align import Similarity, align_maps, map_moves, procrustes
from tla.projection.base import PROJECTIONS, Fitted, Projection
from tla.projection.frames import Points, map_frame
from tla.projection.placement import barycentre
from tla.projection.trust import neighbour_overlap, stability, trust_frame, trustworthiness

__all__ = [
    "PROJECTIONS",
    "Fitted",
    "Points",
    "Projection",
    "Similarity",
    "align_maps",
    "barycentre",
    "map_frame",
    "map_moves",
    "neighbour_overlap",
    "procrustes",
    "stability",
    "trust_frame",
    "trustworthiness",
]
