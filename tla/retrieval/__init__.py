"""Nearest natural images of an embedding: FAISS indexes, recall@k, MAP@R, and how an attack changes them."""

from tla.ranking import average_precision, map_at_r, recall_at_k
from tla.retrieval.changes import neighbour_path, turnover
from tla.retrieval.disk import load, save
from tla.retrieval.files import Embeddings, read_embeddings
from tla.retrieval.frames import Queries, neighbours_frame, retrieval_frame
from tla.retrieval.gallery import GalleryIndex, Neighbours

__all__ = [
    "Embeddings",
    "GalleryIndex",
    "Neighbours",
    "Queries",
    "average_precision",
    "load",
    "map_at_r",
    "neighbour_path",
    "neighbours_frame",
    "read_embeddings",
    "recall_at_k",
    "retrieval_frame",
    "save",
    "turnover",
]
