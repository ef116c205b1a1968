"""Studies of embeddings that exist already: no model, no training, no attack; any two conditions."""

from tla.study.embeddings.config import EmbeddingStudy
from tla.study.embeddings.run import examine_embeddings, run_embeddings

__all__ = ["EmbeddingStudy", "examine_embeddings", "run_embeddings"]
