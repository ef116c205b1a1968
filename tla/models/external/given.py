"""A model that exists already: where it comes from, and how it is to be called."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tla.models.external.preprocess import Numbers, statistics_of

if TYPE_CHECKING:
    from torch import nn

    from tla.models.external.sources.loaded import Loaded


@dataclass(frozen=True, kw_only=True)
class GivenModel:
    """A model that the study does not train; the same settings in a recipe, on the command line and in Python.

    Args:
        load: Where the network comes from: see `load_user_model`.
        weights: A file of weights (.safetensors, .pt, .pth), or trained weights of a torchvision or timm model
            ("DEFAULT").
        head: Name of the layer whose input is the embedding, if it is not the layer that gives the logits; "none" for
            the logits themselves.
        mean: Subtracted from pixels in 0..1 inside the model: numbers, or the name imagenet, cifar10 or none (which
            sets std too); by default what the source states.
        std: Pixels are divided by it afterwards.
        channels: Channels that the network takes, 1 or 3; images of the other kind are converted inside.
        resize: Side, or height and width, of the images that the network takes; images are resized inside, so that
            eps stays in the user's pixels; 0 for no resizing.
        order: For each class of the data, the position of its logit, if they are in another order.
    """

    load: str
    weights: str | None = None
    head: str | None = None
    mean: Numbers = None
    std: Numbers = None
    channels: int | None = None
    resize: int | tuple[int, int] | None = None
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.load:
            raise ValueError("given: load must say where the model comes from, got an empty text")
        statistics_of(self.mean, self.std)
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels must be 1 or 3, got {self.channels}")
        sides = (self.resize,) if isinstance(self.resize, int) else self.resize or ()
        if any(side < 0 for side in sides):
            raise ValueError(f"resize must be a side >= 1 in pixels, or 0 for none, got {self.resize}")
        if self.order is not None and (len(set(self.order)) != len(self.order) or min(self.order, default=-1) < 0):
            raise ValueError(f"order must name a different logit >= 0 for each class, got {self.order}")

    def build(self, shape: tuple[int, ...] | None = None, classes: int | None = None) -> "nn.Module":
        """The model, returning `Outputs`, in evaluation mode on the CPU.

        Args:
            shape: Size of one image, (channels, height, width); if given, the model is checked with such images now.
            classes: Number of classes in the data; a model with another number is refused.

        Raises:
            ValueError: if the model is not found, or does not answer as `as_classifier` needs.
            ModuleNotFoundError: if the source's package is not installed; gives the pip command.
        """
        from tla.models.external.sources.table import load

        return self.fit(load(self.load, classes if self.order is None else None, self.weights), shape, classes)

    def adapt(
        self, module: "nn.Module", shape: tuple[int, ...] | None = None, classes: int | None = None
    ) -> "nn.Module":
        """A network that exists already, called as this value says; `load` and `weights` are not looked at.

        Args:
            module: Any torch module; not changed but for its mode.
            shape: As in `build`.
            classes: As in `build`.

        Raises:
            ValueError: as `build`.
        """
        from tla.models.external.sources.loaded import Loaded

        return self.fit(Loaded(module), shape, classes)

    def fit(self, loaded: "Loaded", shape: tuple[int, ...] | None, classes: int | None) -> "nn.Module":
        """What a source gave, called as this value says.

        Args:
            loaded: The network, and what its source states.
            shape: As in `build`.
            classes: As in `build`.

        Raises:
            ValueError: as `build`.
        """
        from tla.models.external.user import fitted

        if self.order is not None and classes is not None and len(self.order) != classes:
            raise ValueError(f"order must name a logit for each of the {classes} classes, got {len(self.order)}")
        return fitted(
            loaded,
            shape=shape,
            classes=classes,
            head=self.head,
            mean=self.mean,
            std=self.std,
            channels=self.channels,
            resize=self.resize,
            order=self.order,
        )


class NamedGiven(NamedTuple):
    """A given model and the name by which a study calls it."""

    name: str
    given: GivenModel


def read_given(text: str) -> NamedGiven:
    """A given model of the command line: "mine=runs/best.pth@mypkg.models:Net".

    Args:
        text: NAME=LOAD; the name is used for a folder.

    Raises:
        ValueError: without a name or a source, or for a name that is no plain folder name.
    """
    name, equals, load = text.partition("=")
    if not equals or not name or not load:
        raise ValueError(f"a given model is written NAME=MODEL, as in mine=mypkg.models:make_model; got {text!r}")
    if not re.fullmatch(r"\w[\w .+-]*", name):
        raise ValueError(
            "the name of a given model is for a folder: letters, digits, spaces and any of _.+- , starting with a "
            f"letter or digit; got {name!r}"
        )
    return NamedGiven(name, GivenModel(load=load))
