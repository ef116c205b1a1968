"""t-SNE: the map on the poster."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tla.nearest import Search, normalised
from tla.projection.base import PROJECTIONS, Fitted, Projection, check_points

MIN_POINTS = 5


@PROJECTIONS.register("tsne")
@dataclass(frozen=True, kw_only=True)
class TSNE(Projection):
    """t-distributed stochastic neighbour embedding (van der Maaten & Hinton 2008), by scikit-learn.

    Args:
        perplexity: About how many neighbours count, > 0; capped at a third of the points.
        distance: The cosines compare unit vectors (the sign counts for both), "euclidean" embeddings as they are.
    """

    perplexity: float = 30.0

    def __post_init__(self) -> None:
        if not self.perplexity > 0:
            raise ValueError(f"perplexity must be > 0, got {self.perplexity}")

    @property
    def transforms(self) -> bool:
        """Always False."""
        return False

    def fit(self, embedding: Float[Tensor, "n d"], seed: int = 0, search: Search | None = None) -> Fitted:
        """See `Projection.fit`; it has no rule for new points."""
        from sklearn.manifold import TSNE as SklearnTSNE

        check_points(embedding, MIN_POINTS)
        points = normalised(embedding.detach().float().cpu(), self.distance).numpy()
        perplexity = min(self.perplexity, (len(points) - 1) / 3)
        start = "pca" if points.shape[1] > 1 and np.ptp(points, 0).any() else "random"
        tsne = SklearnTSNE(perplexity=perplexity, init=start, random_state=seed % 2**32, n_jobs=1)
        return Fitted(torch.from_numpy(np.array(tsne.fit_transform(points), np.float32)), None)
