"""What TLA and its variants share: where keys come from, and how the triplet term enters the loss."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.losses import LossValue, Triplets, Views
from tla.losses.mining.choose import Choice, random_key, same_class
from tla.losses.triplet import NormForm, Triplet
from tla.training.batches import Batch
from tla.training.methods.base import Method, Requirements, Terms, at_least_zero
from tla.training.step_context import StepContext
from tla.types import Outputs


class Keys(NamedTuple):
    """Natural images to choose negatives from.

    Attributes:
        embeddings: Gives their embeddings, shape (m, d).
        y: Their classes, shape (m,); -1 marks an empty place.
    """

    embeddings: Callable[[], Tensor]
    y: Int[Tensor, " m"]


Queries = Callable[[], Tensor]


class Guests:
    """Natural images that go through the network beside the adversarial ones, and the rows they get.

    Args:
        first: Row of the first guest: the number of adversarial images.
    """

    def __init__(self, first: int) -> None:
        self.images: list[Tensor] = []
        self.next = first

    def add(self, x: Float[Tensor, "g c h w"]) -> Int[Tensor, " g"]:
        """Take images along; returns their rows in the table of embeddings."""
        rows = torch.arange(self.next, self.next + len(x), device=x.device)
        self.images.append(x)
        self.next += len(x)
        return rows


class TripletBatch(NamedTuple):
    """A step's outputs, and its triplets as rows of one table of embeddings.

    Attributes:
        adversarial: Outputs of x'; its embeddings are the table's first b rows.
        table: Embeddings that everything below speaks of, shape (n, d).
        triplets: Anchor, positive, negative.
        second: The same anchors and negatives with x_i plus noise as positives, or None.
        clean: Rows of x_i, shape (b,), or None.
    """

    adversarial: Outputs
    table: Float[Tensor, "n d"]
    triplets: Triplets
    second: Triplets | None
    clean: Int[Tensor, " b"] | None


@dataclass(frozen=True, kw_only=True)
class TripletMethod(Method):
    """Adversarial cross-entropy and a triplet term on embeddings (Mao et al. 2019).

    Args:
        lambda_triplet: Weight of the triplet terms, >= 0.
        alpha: Margin of the first triplet, >= 0.
        rho: Weight of the embeddings' norms, >= 0.
        distance: "abs_cosine" (published), "cosine" or "euclidean".
        norm: Norm term: "mean_square" (the public code), "l2" (the paper) or "none".
        mining: Where negatives come from. "fresh": a pool of other images, with positives of their own (the paper).
            "batch": the batch's own clean images, which are the positives too. "bank": embeddings of recent clean
            images, without a gradient; positives from the batch. The last two look at embeddings of the training pass.
        pool: Size M of the fresh pool or of the bank, >= 1.
        keys: How many of the batch's clean images "batch" and "bank" look at; 0 means all.
        triplets: 1, or 2: a second one whose positive is the anchor's own image plus noise.
        second_alpha: Margin of the second triplet; by default alpha.
        noise: Half-width of the uniform noise on that positive, in pixel units, >= 0.
        pull: Weight of mean ||h(x) - h(x')||^2, >= 0.
    """

    lambda_triplet: float = 0.5
    alpha: float = 0.05
    rho: float = 1e-4
    distance: DistanceName = "abs_cosine"
    norm: NormForm = "mean_square"
    mining: Literal["fresh", "batch", "bank"] = "batch"
    pool: int = 50
    keys: int = 0
    triplets: Literal[1, 2] = 1
    second_alpha: float | None = None
    noise: float = 8 / 255
    pull: float = 0.0

    swapped: ClassVar[bool] = False
    """True if the anchor is the natural image and the positive the adversarial one."""

    def __post_init__(self) -> None:
        at_least_zero(self, "lambda_triplet", "alpha", "rho", "keys", "noise", "pull")
        if self.second_alpha is not None:
            at_least_zero(self, "second_alpha")
        if self.pool < 1:
            raise ValueError(f"pool must be >= 1, got {self.pool}")
        if self.keys and self.pull > 0:
            raise ValueError(f"pull needs every clean image of the batch: set keys to 0, got {self.keys}")

    @abstractmethod
    def negatives(self, batch: Batch, queries: Queries, keys: Keys, context: StepContext) -> Choice:
        """A key of another class for each image of the batch.

        Args:
            batch: The images.
            queries: Gives the embeddings of x', shape (b, d); not called by methods that choose blindly.
            keys: Where to choose.
            context: For random numbers.
        """

    def requirements(self) -> Requirements:
        """A second image per class unless the positive is the own one, and the pool."""
        fresh, bank = self.mining == "fresh", self.mining == "bank"
        keys = 0 if fresh else self.keys
        return Requirements(positives=not self.swapped, pool=self.pool * fresh, bank=self.pool * bank, keys=keys)

    def idle(self) -> dict[str, str]:
        """What the mining, the number of triplets, or a weight of zero leaves without effect."""
        found = {}
        if self.mining == "batch":
            found["pool"] = 'mining is "batch", which has no pool; set mining to "fresh" (the paper) or "bank"'
        if self.mining == "fresh":
            found["keys"] = 'mining is "fresh"; keys belong to "batch" and "bank"'
        if self.triplets == 1:
            found |= dict.fromkeys(("noise", "second_alpha"), "there is one triplet; set triplets to 2")
        if self.lambda_triplet == 0:
            weightless = "lambda_triplet is 0"
            found |= dict.fromkeys(
                ("alpha", "rho", "distance", "norm", "mining", "pool", "keys", "triplets"), weightless
            )
        elif self.norm == "none":
            found["rho"] = 'norm is "none"'
        return found

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x'), y) + lambda * (the triplet terms) [+ pull * mean ||h(x) - h(x')||^2]."""
        adversarial = context.attack(batch)
        scene = (self._fresh if self.mining == "fresh" else self._shared)(batch, adversarial, context)
        cross_entropy = context.cross_entropy(Views(batch.y, adversarial=scene.adversarial))
        first = self._term(self.alpha, batch, scene, scene.triplets)
        value = first.loss
        if scene.second is not None:
            margin = self.alpha if self.second_alpha is None else self.second_alpha
            value = value + self._term(margin, batch, scene, scene.second).loss
        loss = cross_entropy + self.lambda_triplet * value
        if self.pull > 0 and scene.clean is not None:
            apart = scene.table[scene.clean].float() - scene.adversarial.embedding.float()
            loss = loss + self.pull * apart.square().sum(1).mean()
        return Terms(loss, cross_entropy, value.detach(), first.active)

    def _term(self, alpha: float, batch: Batch, scene: TripletBatch, triplets: Triplets) -> LossValue:
        loss = Triplet(alpha=alpha, rho=self.rho, distance=self.distance, norm=self.norm)
        return loss(Views(batch.y, embeddings=scene.table, triplets=triplets))

    def _fresh(self, batch: Batch, adversarial: Tensor, context: StepContext) -> TripletBatch:
        """The paper: positives and a pool of their own; only the chosen negatives are seen with a gradient."""
        pool = context.draw(context.pool.fresh(self.pool, context.mining))
        keys = Keys(lambda: context.look(pool.x).embedding, pool.y)
        choice = self.negatives(batch, lambda: context.look(adversarial).embedding, keys, context)
        guests = Guests(len(batch.y))
        own = torch.arange(len(batch.y), device=batch.y.device)
        clean = guests.add(batch.x) if self.swapped or self.pull > 0 else None
        partner = clean
        if not self.swapped:
            partner = guests.add(context.draw(context.pool.positives(batch.rows, context.mining)).x)
        twins = self._twins(batch, guests, context)
        chosen, back = context.distinct(choice.rows)
        negative = guests.add(pool.x.index_select(0, chosen)).index_select(0, back)
        adversarial_outputs, table = context.table(batch, adversarial, guests.images)
        triplets = self._roles(own, _given(partner), negative, choice.valid)
        return TripletBatch(adversarial_outputs, table, triplets, _second(triplets, twins, choice), clean)

    def _shared(self, batch: Batch, adversarial: Tensor, context: StepContext) -> TripletBatch:
        """The batch's own clean images as keys, or as positives beside a bank of recent embeddings."""
        b = len(batch.y)
        m = b if self.swapped or not self.keys else min(self.keys, b)
        guests, own = Guests(b), torch.arange(b, device=batch.y.device)
        clean, key_y = guests.add(batch.x[:m]), batch.y[:m]
        twins = self._twins(batch, guests, context)
        outputs, table = context.table(batch, adversarial, guests.images)
        seen, first = table.detach(), b
        keys = seen[b : b + m]
        if context.bank is not None:
            context.bank.put(keys, key_y)
            table, first = torch.cat((table, context.bank.embeddings.to(table.dtype))), len(table)
            keys, key_y = context.bank.embeddings, context.bank.labels
        choice = self.negatives(batch, lambda: seen[:b], Keys(lambda: keys, key_y), context)
        partner, valid = clean, choice.valid
        if not self.swapped:
            match = random_key(same_class(batch.y, batch.y[:m], own), context.mining)
            partner, valid = clean[match.rows], valid & match.valid
        triplets = self._roles(own, partner, choice.rows + first, valid)
        return TripletBatch(outputs, table, triplets, _second(triplets, twins, choice), clean if m == b else None)

    def _twins(self, batch: Batch, guests: Guests, context: StepContext) -> Tensor | None:
        """x_i plus noise, where a second triplet is wanted."""
        if self.triplets == 1:
            return None
        noise = torch.rand(batch.x.shape, generator=context.mining, device=batch.x.device)
        return guests.add((batch.x + self.noise * (2 * noise - 1)).clamp(0, 1))

    def _roles(self, own: Tensor, partner: Tensor, negative: Tensor, valid: Tensor) -> Triplets:
        anchor, positive = (partner, own) if self.swapped else (own, partner)
        return Triplets(anchor, positive, negative, valid)


def _second(triplets: Triplets, twins: Tensor | None, choice: Choice) -> Triplets | None:
    """The second triplets: their positive is always there, so that only the negative decides whether they count."""
    return None if twins is None else triplets._replace(positive=twins, valid=choice.valid)


def _given(rows: Tensor | None) -> Tensor:
    if rows is None:
        raise RuntimeError("no rows were given to the triplets' partners")
    return rows
