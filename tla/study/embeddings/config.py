"""What is asked of a study of embeddings, in and out of TOML."""

from dataclasses import dataclass
from typing import Any, Literal

from tla.config import from_dict, to_dict
from tla.messages import did_you_mean
from tla.projection import PROJECTIONS
from tla.representation import DETECTORS


@dataclass(frozen=True, kw_only=True)
class EmbeddingStudy:
    """A study of embeddings that exist already: clean test images, and the same images in other conditions.

    Args:
        name: Name of the study, and of its folder.
        embeddings: Folder with the files, see docs/yours.md; empty if the arrays come from Python.
        main: The condition that is shown first; by default the first in the alphabet.
        neighbours: How many nearest neighbours are stored per query (k); fewer if the gallery has fewer.
        projection: How the maps are made: umap, pca or tsne.
        map_points: How many test images a map shows, each clean and in the condition.
        detectors: Detection scores to compare; those that read logits are left out where there are none.
        distance: How embeddings are compared: "cosine", or "abs_cosine", 1 - |cos| as in training with TLA. Behind a
            ReLU they are the same.
        caption: The purpose in one line, shown in the report.

    Raises:
        ValueError: for a number below 1, an unknown projection or an unknown detector.
    """

    name: str
    embeddings: str = ""
    main: str = ""
    neighbours: int = 10
    projection: str = "umap"
    map_points: int = 500
    detectors: tuple[str, ...] = ("gaussian_diagonal", "knn", "max_softmax", "max_logit")
    distance: Literal["cosine", "abs_cosine"] = "cosine"
    caption: str = ""

    def __post_init__(self) -> None:
        for name in ("neighbours", "map_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        for what, names, known in (
            ("projection", (self.projection,), PROJECTIONS.names()),
            ("detectors", self.detectors, DETECTORS.names()),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{what}: unknown {name!r}; {did_you_mean(name, known)}")


def embedding_study(values: dict[str, Any]) -> EmbeddingStudy:
    """A study of embeddings from plain values.

    Raises:
        ValueError: names the key that is unknown, missing or wrong.
    """
    return from_dict(EmbeddingStudy, values, where="embeddings")


def embedding_values(study: EmbeddingStudy) -> dict[str, Any]:
    """The plain values of a study of embeddings, the inverse of `embedding_study`."""
    return to_dict(study)
