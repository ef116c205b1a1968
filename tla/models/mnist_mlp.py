"""The paper's multi-layer perceptron for MNIST."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.types import Shape


@MODELS.register("mnist_mlp")
@dataclass(frozen=True, kw_only=True)
class MNISTMLP(Backbone):
    """Three hidden layers with batch norm (2.9 M weights on 28 x 28 images; Mao et al. 2019).

    Args:
        embedding: Length of each hidden layer, the last of which is the embedding.
    """

    embedding: int = 1024

    small: ClassVar[Mapping[str, Any]] = {"embedding": 8}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of any size."""
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs in (prod(shape), self.embedding, self.embedding):
            hidden = nn.Linear(inputs, self.embedding, bias=False)
            layers += [hidden, nn.BatchNorm1d(self.embedding), nn.ReLU()]
        return Classifier(nn.Sequential(*layers), self.embedding, classes, shape=shape)
