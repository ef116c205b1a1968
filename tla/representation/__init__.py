"""Where an attack takes a representation: measures of the shift, separation of classes, detection."""

from tla.representation.angles import angle
from tla.representation.centroids import class_centroids, false_class, nearest_centroid_angle
from tla.representation.detection import detection_frame
from tla.representation.detectors import DETECTORS, Detector, Score
from tla.representation.embed import embed
from tla.representation.margin import centroid_margin, progress
from tla.representation.purity import knn_purity
from tla.representation.roc import auc, auc_frame, auc_interval, roc, roc_band, sides, tpr_at_fpr, tpr_interval
from tla.representation.shift import Gallery, Shift, shift, shift_frame

__all__ = [
    "DETECTORS",
    "Detector",
    "Gallery",
    "Score",
    "Shift",
    "angle",
    "auc",
    "auc_frame",
    "auc_interval",
    "centroid_margin",
    "class_centroids",
    "detection_frame",
    "embed",
    "false_class",
    "knn_purity",
    "nearest_centroid_angle",
    "progress",
    "roc",
    "roc_band",
    "shift",
    "shift_frame",
    "sides",
    "tpr_at_fpr",
    "tpr_interval",
]
