"""The two directions of largest variance."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from tla.nearest import Search, normalised
from tla.projection.base import PROJECTIONS, Fitted, Projection, check_points


@PROJECTIONS.register("pca")
@dataclass(frozen=True, kw_only=True)
class PCA(Projection):
    """Principal components: the only linear map here.

    Args:
        distance: The cosines normalise embeddings, "euclidean" draws them as they are.
    """

    @property
    def transforms(self) -> bool:
        """Always True: the same linear map."""
        return True

    def fit(self, embedding: Float[Tensor, "n d"], seed: int = 0, search: Search | None = None) -> Fitted:
        """See `Projection.fit`; nothing is random."""
        check_points(embedding, 1)
        points = self._points(embedding)
        mean = points.mean(0)
        centred = points - mean
        axes = _axes(centred)
        axes = torch.nn.functional.pad(axes, (0, 2 - axes.shape[1]))
        sign = axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
        axes = axes * torch.where(sign == 0, 1, sign)

        def transform(new: Float[Tensor, "m d"]) -> Float[Tensor, "m 2"]:
            return ((self._points(new) - mean) @ axes).float()

        return Fitted((centred @ axes).float(), transform)

    def _points(self, embedding: Tensor) -> Tensor:
        return normalised(embedding.detach().double().cpu(), self.distance)


def _axes(centred: Float[Tensor, "n d"]) -> Float[Tensor, "d k"]:
    """The two directions of largest variance, or fewer; with more features than rows from the rows' products."""
    n, d = centred.shape
    if d <= n:
        return torch.linalg.eigh(centred.mT @ centred).eigenvectors.flip(1)[:, :2]
    found = torch.linalg.eigh(centred @ centred.mT)
    values, rows = found.eigenvalues.flip(0)[:2], found.eigenvectors.flip(1)[:, :2]
    there = values > torch.finfo(values.dtype).eps * d * values[:1]
    return centred.mT @ (rows[:, there] / values[there].sqrt())
