"""Flat maps of embeddings, how far they can be trusted, and where new points are placed."""

from tla.projection.base import PROJECTIONS, Fitted, Projection
from tla.projection.maps.align import SimilarityTransform, align_maps, map_moves, procrustes
from tla.projection.maps.frames import Points, map_frame
from tla.projection.maps.placement import barycentre
from tla.projection.maps.trust import neighbour_overlap, stability, trust_frame, trustworthiness

__all__ = [
    "PROJECTIONS",
    "Fitted",
    "Points",
    "Projection",
    "SimilarityTransform",
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
