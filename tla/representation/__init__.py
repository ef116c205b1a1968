"""Where an attack takes a representation: measures of the shift, separation of classes, detection."""

from tla.representation.angles import angle
from tla.representation.bootstrap import mean_intervals
from tla.representation.capture import capture_layers, layer_frame, layer_names
from tla.representation.centroids import centroid_logits, class_centroids, false_class, nearest_centroid_angle
from tla.representation.cka import cka_interval, linear_cka
from tla.representation.collapse import collapse_statistics
from tla.representation.detection import detection_frame
from tla.representation.detectors import DETECTORS, Detector, Score
from tla.representation.embedding import embed
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import knn_purity
from tla.representation.report import ShiftReport, shift_report
from tla.representation.roc import auc, auc_frame, auc_interval, roc_band, roc_curve, sides, tpr_at_fpr, tpr_interval
from tla.representation.scatter import class_scatter, silhouette
from tla.representation.shift import Gallery, Shift, image_shifts, shift_frame
from tla.representation.structure import influences, structure
from tla.representation.summary import Measured, measure, same_class
from tla.representation.triplets import Triplets, draw_triplets, violated

__all__ = [
    "DETECTORS",
    "Detector",
    "Gallery",
    "Measured",
    "Score",
    "Shift",
    "ShiftReport",
    "Triplets",
    "angle",
    "auc",
    "auc_frame",
    "auc_interval",
    "capture_layers",
    "centroid_logits",
    "centroid_margin",
    "cka_interval",
    "class_centroids",
    "collapse_statistics",
    "detection_frame",
    "draw_triplets",
    "embed",
    "false_class",
    "knn_purity",
    "layer_frame",
    "layer_names",
    "linear_cka",
    "mean_intervals",
    "measure",
    "nearest_centroid_angle",
    "progress",
    "roc_curve",
    "roc_band",
    "same_class",
    "class_scatter",
    "image_shifts",
    "influences",
    "shift_frame",
    "shift_report",
    "sides",
    "silhouette",
    "structure",
    "tpr_at_fpr",
    "tpr_interval",
    "violated",
]
