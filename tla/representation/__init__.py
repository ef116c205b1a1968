"""How an attack moves a representation: measures of the shift, separation of classes, detection."""

from tla.representation.capture import capture_layers, layer_frame, layer_names
from tla.representation.centroids import centroid_logits, class_centroids, false_class
from tla.representation.cka import cka_interval, linear_cka
from tla.representation.collapse import collapse_statistics
from tla.representation.detection import detection_frame
from tla.representation.detectors import DETECTORS, Detector, Score
from tla.representation.embedding import embed
from tla.representation.fitted import Decision, FittedDetector, fit_detector, load_detector
from tla.representation.held_out import HeldOutScore, fit_held_out
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import knn_purity
from tla.representation.report import ShiftReport, shift_report
from tla.representation.scatter import class_scatter, silhouette
from tla.representation.shift import Gallery, Shift, angle, image_shifts, nearest_centroid_angle, shift_frame
from tla.representation.structure import influences, structure
from tla.representation.summary import Measured, measure, same_class
from tla.representation.triplets import DrawnTriplets, draw_triplets, violated

__all__ = [
    "DETECTORS",
    "Detector",
    "Gallery",
    "HeldOutScore",
    "Measured",
    "Score",
    "Shift",
    "ShiftReport",
    "DrawnTriplets",
    "angle",
    "capture_layers",
    "centroid_logits",
    "centroid_margin",
    "cka_interval",
    "class_centroids",
    "collapse_statistics",
    "detection_frame",
    "draw_triplets",
    "embed",
    "Decision",
    "FittedDetector",
    "fit_detector",
    "load_detector",
    "false_class",
    "fit_held_out",
    "knn_purity",
    "layer_frame",
    "layer_names",
    "linear_cka",
    "measure",
    "nearest_centroid_angle",
    "progress",
    "same_class",
    "class_scatter",
    "image_shifts",
    "influences",
    "shift_frame",
    "shift_report",
    "silhouette",
    "structure",
    "violated",
]
