"""The interface of a projection: a frozen dataclass that draws a flat map of embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import Search
from tla.registry import Registry
from tla.tensors import check_finite


class Fitted(NamedTuple):
    """A map, and how new points are placed on it.

    Attributes:
        coordinates: Float32, on the CPU, shape (n, 2).
        transform: Embeddings to coordinates by the projection's own rule; None if it has none.
    """

    coordinates: Float[Tensor, "n 2"]
    transform: Callable[[Float[Tensor, "m d"]], Float[Tensor, "m 2"]] | None


@dataclass(frozen=True, kw_only=True)
class Projection(ABC):
    """A way to draw embeddings in two dimensions; subclasses are registered in `PROJECTIONS`, one per file.

    Distances and gaps in such a map prove nothing: show `tla.projection.maps.trust` with it.

    Args:
        distance: The distance between embeddings: "abs_cosine", "cosine" or "euclidean".
    """

    registry: ClassVar[Registry["Projection"]]

    distance: DistanceName = "abs_cosine"

    @property
    @abstractmethod
    def transforms(self) -> bool:
        """True if `fit` gives a rule for new points."""

    @abstractmethod
    def fit(self, embedding: Float[Tensor, "n d"], seed: int = 0, search: Search | None = None) -> Fitted:
        """Draw the map.

        Args:
            embedding: Shape (n, d).
            seed: Seed of all random numbers; the same seed on the same machine gives the same map, bit for bit.
            search: A faster search of `embedding` itself, `(queries, k) -> positions`, if the map needs neighbours.

        Raises:
            ValueError: for too few embeddings, or some that are not finite.
        """

    def __call__(self, embedding: Float[Tensor, "n d"], seed: int = 0) -> Float[Tensor, "n 2"]:
        """The coordinates of `fit` only."""
        return self.fit(embedding, seed).coordinates


PROJECTIONS: Registry[Projection] = Registry("projection", "tla.projection")
Projection.registry = PROJECTIONS


def check_points(embedding: Tensor, least: int) -> None:
    """Reject embeddings that cannot be drawn.

    Raises:
        ValueError: for fewer than `least` rows, or some that are not finite.
    """
    if len(embedding) < least:
        raise ValueError(f"embedding must hold at least {least} points to draw a map, got {len(embedding)}")
    check_finite("embedding", embedding)
