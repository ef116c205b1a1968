"""What TLA and its variants share: where negatives come from, and how the triplet term enters the loss."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.losses import LossValue, Triplets, Views
from tla.losses.mining.selection import Choice, random_key, same_class
from tla.losses.triplet import NormForm, Triplet
from tla.training.batches import Batch
from tla.training.methods.base import Method, Requirements, Terms, at_least_zero
from tla.training.step_context import StepContext
from tla.types import Outputs

LazyEmbeddings = Callable[[], Tensor]
"""Returns embeddings, shape (n, d); random mining never calls it and so never pays for the forward pass."""


class Keys(NamedTuple):
    """Natural images to choose negatives from.

    Attributes:
        embeddings: Their embeddings, shape (m, d).
        y: Their classes, shape (m,); -1 marks an empty place.
    """

    embeddings: LazyEmbeddings
    y: Int[Tensor, " m"]


class NaturalBatch:
    """Natural images that share a forward pass with the adversarial ones, and their rows in its embeddings.

    Args:
        first: Row of the first natural image: the number of adversarial images.
    """

    def __init__(self, first: int) -> None:
        self.images: list[Tensor] = []
        self.next = first

    def add(self, x: Float[Tensor, "g c h w"]) -> Int[Tensor, " g"]:
        """Append images; returns their rows."""
        rows = torch.arange(self.next, self.next + len(x), device=x.device)
        self.images.append(x)
        self.next += len(x)
        return rows


class TripletBatch(NamedTuple):
    """A step's outputs, and its triplets as rows of their embeddings.

    Attributes:
        adversarial: Outputs of x'; their embeddings are the first b rows.
        embeddings: Embeddings that all rows below refer to, shape (n, d).
        triplets: Anchor, positive, negative.
        second: The same anchors and negatives with x_i plus noise as positives, or None.
        clean: Rows of x_i, shape (b,), or None.
    """

    adversarial: Outputs
    embeddings: Float[Tensor, "n d"]
    triplets: Triplets
    second: Triplets | None
    clean: Int[Tensor, " b"] | None


def batch_triplets(
    y: Int[Tensor, " b"], natural: Int[Tensor, " m"], negatives: Choice, generator: torch.Generator
) -> Triplets:
    """Anchors x'_i (rows 0 to b - 1), each with another natural image of its class in the batch as its positive.

    Args:
        y: Classes of the batch, shape (b,).
        natural: Rows of the batch's first m natural images, shape (m,).
        negatives: The chosen negatives, as rows of the same embeddings.
        generator: Draws the positives.
    """
    anchors = torch.arange(len(y), device=y.device)
    positives = random_key(same_class(y, y[: len(natural)], anchors), generator)
    return Triplets(anchors, natural[positives.rows], negatives.rows, negatives.valid & positives.valid)


@dataclass(frozen=True, kw_only=True)
class TripletMethod(Method):
    """Adversarial cross-entropy and a triplet term on embeddings (Mao et al. 2019).

    Args:
        lambda_triplet: Weight of the triplet terms, >= 0.
        alpha: Margin of the first triplet, >= 0.
        rho: Weight of the embeddings' norms, >= 0.
        distance: "abs_cosine" (published), "cosine" or "euclidean".
        norm: Norm term: "mean_square" (the public code), "l2" (the paper) or "none".
        mining: Where negatives come from. "fresh": a pool of other images, with separately drawn positives (the
            paper). "batch": the batch's own clean images, which are also the positives. "bank": embeddings of recent
            clean images, without a gradient; positives from the batch. The last two use the training pass.
        pool: Size M of the fresh pool or of the bank, >= 1.
        keys: How many of the batch's clean images "batch" and "bank" use; 0 means all.
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
    def negatives(self, batch: Batch, queries: LazyEmbeddings, keys: Keys, context: StepContext) -> Choice:
        """A key of another class for each image of the batch.

        Args:
            batch: The images.
            queries: Embeddings of x', shape (b, d); not needed by random mining.
            keys: What to choose from.
            context: For random numbers.
        """

    def requirements(self) -> Requirements:
        """A second image per class unless the positive is the image itself, and the pool."""
        fresh, bank = self.mining == "fresh", self.mining == "bank"
        keys = 0 if fresh else self.keys
        return Requirements(positives=not self.swapped, pool=self.pool * fresh, bank=self.pool * bank, keys=keys)

    def idle(self) -> dict[str, str]:
        """Settings that the mining, the number of triplets or a weight of zero make ineffective."""
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
        mined = (self._fresh if self.mining == "fresh" else self._shared)(batch, adversarial, context)
        cross_entropy = context.cross_entropy(Views(batch.y, adversarial=mined.adversarial))
        first = self._term(self.alpha, batch, mined, mined.triplets)
        value = first.loss
        if mined.second is not None:
            margin = self.alpha if self.second_alpha is None else self.second_alpha
            value = value + self._term(margin, batch, mined, mined.second).loss
        loss = cross_entropy + self.lambda_triplet * value
        if self.pull > 0 and mined.clean is not None:
            difference = mined.embeddings[mined.clean].float() - mined.adversarial.embedding.float()
            loss = loss + self.pull * difference.square().sum(1).mean()
        return Terms(loss, cross_entropy, value.detach(), first.active)

    def _term(self, alpha: float, batch: Batch, mined: TripletBatch, triplets: Triplets) -> LossValue:
        loss = Triplet(alpha=alpha, rho=self.rho, distance=self.distance, norm=self.norm)
        return loss(Views(batch.y, embeddings=mined.embeddings, triplets=triplets))

    def _fresh(self, batch: Batch, adversarial: Tensor, context: StepContext) -> TripletBatch:
        """The paper: a pool and positives of other images; only the chosen negatives are passed with a gradient."""
        pool = context.fetch(context.pool.sample(self.pool, context.mining))
        keys = Keys(lambda: context.evaluate(pool.x).embedding, pool.y)
        negatives = self.negatives(batch, lambda: context.evaluate(adversarial).embedding, keys, context)
        natural = NaturalBatch(len(batch.y))
        own = torch.arange(len(batch.y), device=batch.y.device)
        clean = natural.add(batch.x) if self.swapped or self.pull > 0 else None
        if self.swapped and clean is not None:
            anchor, positive = clean, own
        else:
            anchor = own
            positive = natural.add(context.fetch(context.pool.positives(batch.rows, context.mining)).x)
        noisy = self._noisy(batch, natural, context)
        chosen, inverse = context.distinct(negatives.rows)
        negative = natural.add(pool.x.index_select(0, chosen)).index_select(0, inverse)
        outputs, _, embeddings = context.forward_joint(batch, adversarial, natural.images)
        triplets = Triplets(anchor, positive, negative, negatives.valid)
        return TripletBatch(outputs, embeddings, triplets, _second(triplets, noisy, negatives), clean)

    def _shared(self, batch: Batch, adversarial: Tensor, context: StepContext) -> TripletBatch:
        """The batch's own clean images as keys, or as positives where a bank of recent embeddings has the keys."""
        b = len(batch.y)
        m = b if self.swapped or not self.keys else min(self.keys, b)
        natural = NaturalBatch(b)
        clean, key_y = natural.add(batch.x[:m]), batch.y[:m]
        noisy = self._noisy(batch, natural, context)
        outputs, _, embeddings = context.forward_joint(batch, adversarial, natural.images)
        detached, first = embeddings.detach(), b
        keys = detached[b : b + m]
        if context.bank is not None:
            context.bank.put(keys, key_y)
            embeddings, first = torch.cat((embeddings, context.bank.embeddings.to(embeddings.dtype))), len(embeddings)
            keys, key_y = context.bank.embeddings, context.bank.labels
        negatives = self.negatives(batch, lambda: detached[:b], Keys(lambda: keys, key_y), context)
        negatives = negatives._replace(rows=negatives.rows + first)
        if self.swapped:
            own = torch.arange(b, device=batch.y.device)
            triplets = Triplets(clean, own, negatives.rows, negatives.valid)
        else:
            triplets = batch_triplets(batch.y, clean, negatives, context.mining)
        second = _second(triplets, noisy, negatives)
        return TripletBatch(outputs, embeddings, triplets, second, clean if m == b else None)

    def _noisy(self, batch: Batch, natural: NaturalBatch, context: StepContext) -> Tensor | None:
        """Rows of x_i plus noise, if there is a second triplet."""
        if self.triplets == 1:
            return None
        noise = torch.rand(batch.x.shape, generator=context.mining, device=batch.x.device)
        return natural.add((batch.x + self.noise * (2 * noise - 1)).clamp(0, 1))


def _second(triplets: Triplets, noisy: Tensor | None, negatives: Choice) -> Triplets | None:
    """The second triplets; their positive always exists, so they are valid wherever there is a negative."""
    return None if noisy is None else triplets._replace(positive=noisy, valid=negatives.valid)
