"""Attacks on a ranking: raise or lower one gallery item for a query, by changing the item (CA) or the query (QA).

The four attacks of Zhou et al., Adversarial Ranking Attack and Defense (ECCV 2020), for one query and one item each.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tla.attacks.base import Attack
from tla.attacks.goals import CollideWithEmbedding, LeaveEmbedding
from tla.distances import DistanceName, distance, pairwise
from tla.models.network.mode import evaluating
from tla.ranking import average_precision
from tla.tensors import from_bytes
from tla.threat import Threat
from tla.types import Model, Outputs

KINDS = ("CA+", "CA-", "QA+", "QA-")
"""CA changes the gallery item, QA the query; + raises the item in the query's list, - lowers it."""


class RankingFrames(NamedTuple):
    """What the attacks did to the rankings.

    Attributes:
        ranking: One row per kind and query: kind, eps, id, y, candidate, candidate_y, gallery (its size), rank_before,
            rank_after (of the item, from 1), recall_1_before, recall_1_after, map_at_r_before, map_at_r_after (NaN
            without classes).
        lists: The first neighbours of the first queries: kind, eps, id, y, list ("before", "after"), rank, neighbour,
            neighbour_y, distance, candidate (whether it is the item), change ("stays", "leaves", "enters").
    """

    ranking: pd.DataFrame
    lists: pd.DataFrame


class RankedImages(NamedTuple):
    """Images that are ranked or searched for.

    Attributes:
        x: In [0, 1], or bytes, shape (n, c, h, w).
        y: Classes, shape (n,); None if there are none.
        ids: Names, shape (n,); None for positions.
    """

    x: Tensor
    y: Int[Tensor, " n"] | None = None
    ids: Int[Tensor, " n"] | None = None

    @property
    def names(self) -> Tensor:
        """The ids."""
        return torch.arange(len(self.x)) if self.ids is None else self.ids.cpu()

    @property
    def classes(self) -> Tensor:
        """The classes; -1 where there are none."""
        return torch.full((len(self.x),), -1) if self.y is None else self.y.cpu().long()

    def floats(self, rows: Tensor, device: torch.device) -> Tensor:
        """Some of the images in [0, 1]."""
        return from_bytes(self.x[rows.to(self.x.device)].to(device)).float()


class EmbeddingOnly(nn.Module):
    """A network that answers with an embedding alone, as a model of `Outputs`: the embedding stands for the logits.

    Args:
        module: Maps images to embeddings, shape (b, d), d >= 2.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Outputs:
        """Embeddings of images.

        Raises:
            ValueError: for anything but vectors of at least two numbers.
        """
        answer = self.module(x)
        if isinstance(answer, Outputs):
            return answer
        if not isinstance(answer, Tensor) or answer.ndim != 2 or answer.shape[1] < 2:
            shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ValueError(f"model must return embeddings of shape (b, d), d >= 2, or Outputs, got {shape}")
        return Outputs(answer, answer)


def attack_rankings(
    model: Model,
    queries: RankedImages,
    gallery: RankedImages,
    attack: Attack,
    threat: Threat,
    *,
    kinds: Sequence[str] = KINDS,
    candidates: Sequence[int] | None = None,
    same_split: bool = False,
    metric: DistanceName = "abs_cosine",
    generator: torch.Generator | None = None,
    batch: int = 250,
    shown: int = 12,
    k: int = 6,
) -> RankingFrames:
    """Attack the ranking of a gallery, one item for each query.

    Args:
        model: Maps images to `Outputs`, or to an embedding alone; no classifier is needed.
        queries: Images to search for.
        gallery: Images to rank, at least two.
        attack: A gradient attack that runs all its steps: `PGD(steps=40, pursuit="all_steps")`.
        threat: Norm, radius and box.
        kinds: Which attacks.
        candidates: The item of each query, by its id in the gallery; by default a random one of another class to raise
            (of any class where there are none), and the nearest one to lower.
        same_split: True if queries and gallery are images of one split: a query is then left out of its own list.
        metric: Distance of the ranking, climbed by the attack too.
        generator: Source of random numbers, on the model's device.
        batch: Images attacked at a time.
        shown: For how many queries the lists are kept.
        k: How long those lists are.

    Raises:
        ValueError: for no queries, fewer than two items, an unknown kind, or an item that is not in the gallery.
    """
    _check(queries, gallery, kinds, candidates)
    search = Rankings(model, queries, gallery, metric=metric, batch=batch, same_split=same_split)
    tables = [
        search.attack(kind, attack, threat, candidates=candidates, generator=generator, shown=shown, k=k)
        for kind in kinds
    ]
    return joined(tables)


def joined(tables: Sequence[RankingFrames]) -> RankingFrames:
    """The rows of several attacks, one below the other."""
    return RankingFrames(*(pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True)))


def _check(
    queries: RankedImages, gallery: RankedImages, kinds: Sequence[str], candidates: Sequence[int] | None
) -> None:
    if not len(queries.x):
        raise ValueError("queries must hold at least one image, got none")
    if len(gallery.x) < 2:
        raise ValueError(f"gallery must hold at least 2 images to rank, got {len(gallery.x)}")
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"kinds must be among {', '.join(KINDS)}, got {kind!r}")
    if candidates is None:
        return
    if len(candidates) != len(queries.x):
        raise ValueError(f"candidates must name one item per query, got {len(candidates)} for {len(queries.x)} queries")
    missing = sorted(set(candidates) - set(gallery.names.tolist()))
    if missing:
        raise ValueError(f"candidates must be ids of the gallery, got {', '.join(map(str, missing[:5]))}, not in it")


class Rankings:
    """The clean rankings of a gallery, and what attacks make of them; embeds queries and gallery once.

    Args:
        model: As for `attack_rankings`, as are the others.
        queries: Images to search for.
        gallery: Images to rank.
        metric: Distance of the ranking.
        batch: Images embedded or attacked at a time.
        same_split: True if queries and gallery are images of one split.
    """

    def __init__(
        self,
        model: Model,
        queries: RankedImages,
        gallery: RankedImages,
        *,
        metric: DistanceName = "abs_cosine",
        batch: int = 250,
        same_split: bool = False,
    ) -> None:
        self.model, self.queries, self.gallery = EmbeddingOnly(model), queries, gallery
        self.metric: DistanceName = metric
        self.device = next((weight.device for weight in model.parameters()), queries.x.device)
        self.batch = batch
        self.query, self.items = self.embedded(queries), self.embedded(gallery)
        self.itself = (queries.names[:, None] == gallery.names[None]) & same_split
        self.before = self.distances(self.query)

    def attack(
        self,
        kind: str,
        attack: Attack,
        threat: Threat,
        *,
        candidates: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
        shown: int = 12,
        k: int = 6,
    ) -> RankingFrames:
        """What one kind of attack does to the rankings; see `attack_rankings`."""
        chosen = self.chosen(kind, candidates, generator)
        after = self.attacked(kind, chosen, attack, threat, generator)
        return self.frames(kind, float(torch.as_tensor(threat.eps).max()), chosen, after, shown, k)

    def distances(self, embedding: Tensor) -> Tensor:
        """Of each query to each item, infinite to itself, shape (n, m)."""
        return pairwise(embedding, self.items, self.metric).masked_fill(self.itself, float("inf"))

    def embedded(self, images: RankedImages) -> Tensor:
        """Embeddings in float32 on the CPU, shape (n, d)."""
        parts = torch.arange(len(images.x)).split(self.batch)
        with evaluating(self.model), torch.no_grad():
            return torch.cat([self.model(images.floats(rows, self.device)).embedding.float().cpu() for rows in parts])

    def chosen(self, kind: str, candidates: Sequence[int] | None, generator: torch.Generator | None) -> Tensor:
        """Position of each query's item in the gallery."""
        if candidates is not None:
            place = {name: row for row, name in enumerate(self.gallery.names.tolist())}
            return torch.tensor([place[name] for name in candidates])
        if kind.endswith("-"):
            return self.before.argmin(1)
        draw = torch.rand(self.before.shape, generator=generator, device=self.device).cpu()
        same = self.gallery.classes[None] == self.queries.classes[:, None]
        known = (self.queries.classes[:, None] >= 0) & ~same.all(1, keepdim=True)
        return (draw - 2 * (same & known).float() - 4 * self.itself).argmax(1)

    def attacked(
        self, kind: str, chosen: Tensor, attack: Attack, threat: Threat, generator: torch.Generator | None
    ) -> Tensor:
        """Distances after the attack, shape (n, m)."""
        of_query, raises = kind.startswith("QA"), kind.endswith("+")
        moved, target = (self.queries, self.items[chosen]) if of_query else (self.gallery, self.query)
        rows = torch.arange(len(chosen)) if of_query else chosen
        found = []
        for part in torch.arange(len(chosen)).split(self.batch):
            x, towards = moved.floats(rows[part], self.device), target[part].to(self.device)
            goal = (CollideWithEmbedding if raises else LeaveEmbedding)(towards, self.metric)
            made = attack(self.model, x, goal, threat, generator=generator).adversarial
            with evaluating(self.model), torch.no_grad():
                found.append(self.model(made).embedding.float().cpu())
        embedding = torch.cat(found)
        if of_query:
            return self.distances(embedding)
        after = self.before.clone()
        after[torch.arange(len(chosen)), chosen] = distance(self.query, embedding, self.metric)
        return after

    def frames(self, kind: str, eps: float, chosen: Tensor, after: Tensor, shown: int, k: int) -> RankingFrames:
        """The rows of both tables."""
        names, own = self.gallery.names, self.queries.classes
        columns: dict[str, Any] = {
            "kind": kind, "eps": eps, "id": self.queries.names.numpy(), "y": own.numpy(),
            "candidate": names[chosen].numpy(), "candidate_y": self.gallery.classes[chosen].numpy(),
            "gallery": len(names) - int(self.itself.any()),
        }  # fmt: skip
        lists = []
        for label, distances in (("before", self.before), ("after", after)):
            columns[f"rank_{label}"] = rank_of(distances, chosen).numpy()
            recall, precision = self.scores(distances)
            columns |= {f"recall_1_{label}": recall.numpy(), f"map_at_r_{label}": precision.numpy()}
        first = [_first(distances[:shown], k) for distances in (self.before, after)]
        for label, here, there, distances in (
            ("before", first[0], first[1], self.before), ("after", first[1], first[0], after),
        ):  # fmt: skip
            change = "leaves" if label == "before" else "enters"
            for row, items in enumerate(here.tolist()):
                for rank, item in enumerate(items, start=1):
                    lists.append((
                        kind, eps, int(self.queries.names[row]), int(own[row]), label, rank, int(names[item]),
                        int(self.gallery.classes[item]), float(distances[row, item]), item == int(chosen[row]),
                        "stays" if item in there[row].tolist() else change,
                    ))  # fmt: skip
        return RankingFrames(pd.DataFrame(columns), pd.DataFrame(lists, columns=LISTED))

    def scores(self, distances: Tensor) -> tuple[Tensor, Tensor]:
        """recall@1 and MAP@R of each query; NaN without classes."""
        if self.queries.y is None or self.gallery.y is None:
            unknown = torch.full((len(distances),), float("nan"))
            return unknown, unknown
        ordered, order = distances.sort(dim=1, stable=True)
        hit = (self.gallery.classes[order] == self.queries.classes[:, None]) & ordered.isfinite()
        return hit[:, 0].float(), average_precision(hit, hit.sum(1)).float()


LISTED = [
    "kind", "eps", "id", "y", "list", "rank", "neighbour", "neighbour_y", "distance", "candidate", "change",
]  # fmt: skip


def rank_of(distances: Float[Tensor, "n m"], chosen: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Rank of each query's item, from 1; among equal distances the middle, rounded down."""
    own = distances.gather(1, chosen[:, None])
    return 1 + (distances < own).sum(1) + ((distances == own).sum(1) - 1) // 2


def _first(distances: Tensor, k: int) -> Tensor:
    return distances.argsort(dim=1, stable=True)[:, :k]
