"""Several Gaussians per class, with diagonal covariances."""

import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training
from tla.types import Outputs


class Components(NamedTuple):
    """The mixtures of all classes.

    Attributes:
        log_weight: Shape (classes, components).
        mean: Shape (classes, components, d).
        variance: Shape (classes, components, d).
    """

    log_weight: Float[Tensor, "c m"]
    mean: Float[Tensor, "c m d"]
    variance: Float[Tensor, "c m d"]


@DETECTORS.register("mixture")
@dataclass(frozen=True, kw_only=True)
class Mixture(Detector):
    """-log p(h | predicted class), where every class is a mixture of diagonal Gaussians.

    Fitted by scikit-learn, scored in torch, so that an adaptive attacker has a gradient.

    Args:
        components: Gaussians per class, >= 1.
        floor: Share of the mean variance that is added to every feature's, > 0.
        seed: Seed of the fit's initialisation.

    Raises:
        ValueError: for fewer than one component.
    """

    components: int = 3
    floor: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"components must be >= 1, got {self.components}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`."""
        check_training(embedding, logits, y, least=max(2, self.components))
        log_weight, mean, variance = (tensor.to(embedding.device) for tensor in self._components(embedding, y))

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            predicted = outputs.logits.argmax(1)
            spread = variance[predicted]
            off = (outputs.embedding.float()[:, None] - mean[predicted]).square() / spread
            log_density = -(off + spread.log() + math.log(2 * math.pi)).sum(2) / 2
            return -(log_weight[predicted] + log_density).logsumexp(1)

        return score

    def _components(self, embedding: Tensor, y: Tensor) -> Components:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        data, labels = embedding.detach().double().cpu().numpy(), y.cpu().numpy()
        classes = [data[labels == c] for c in range(labels.max() + 1)]
        spread = float(np.mean([members.var(0).mean() for members in classes]))
        if not spread > 0:
            raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
        fits = []
        for members in classes:
            mixture = GaussianMixture(
                self.components, covariance_type="diag", reg_covar=self.floor * spread, random_state=self.seed
            )
            with warnings.catch_warnings():
                # duplicates leave k-means with fewer clusters; EM that stops early is still a density
                warnings.simplefilter("ignore", ConvergenceWarning)
                fits.append(mixture.fit(members))
        stacked = (np.stack([getattr(fit, name) for fit in fits]) for name in ("weights_", "means_", "covariances_"))
        weight, mean, variance = (torch.from_numpy(array).float() for array in stacked)
        return Components(weight.log(), mean, variance)
