"""Finds the model that a verb names, and images for it."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro

from tla.config import from_dict
from tla.data import Images, Source, load_source
from tla.models import GivenModel
from tla.study.find_model import NamedModel, find_model, own_model
from tla.types import Model

MODEL_HELP = """\
MODEL            one of
                   digits:tla or PATH:at-seed1      a model of a study, by study (name or folder) and method
                   PATH:at@package.module:Class     a model that a study trained from given weights, in its network
                   mnist/tla                        weights that ship (tla list weights)
                   PATH/model.safetensors           a checkpoint written by tla
                   package.module:function          your own: a callable that returns a torch module which maps
                   PATH/file.py:Class               images in 0..1 to logits (a tensor, the first of a tuple, or
                                                    under "logits"), perhaps with an embedding
                   PATH.pth@package.module:Class    the same with weights of a file (.pt, .pth, .safetensors)
                   torchvision:resnet18             torchvision's, by name; --weights DEFAULT for trained ones
                   timm:resnet18.a1_in1k            timm's, by name; with a tag or --weights DEFAULT trained
                   hf:ORG/NAME or hf:FOLDER         an image classifier of Hugging Face
                   robustbench:NAME                 RobustBench's; or robustbench:imagenet/Linf/NAME
                   FILE.onnx                        an ONNX network (needs onnx2torch)
                   FILE.pt                          a TorchScript network

Options from --weights to --order say how a network from elsewhere is called; what it is changed by is printed.

DATA             random:3x64x64 makes images of noise, labelled by the model itself"""
CHECKED = 300
"""Images on which a model is asked whether it is what it seems."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions(GivenModel):
    """The options that name a model and say how to call it.

    Args:
        load: The model; see above.
    """

    load: Annotated[str, tyro.conf.arg(metavar="MODEL")]


class Subject(NamedTuple):
    """A model, and the images to examine it on."""

    model: NamedModel
    images: Images


def subject_for(given: GivenModel, own: NamedModel | None, data: str | None, root: Path | None, count: int) -> Subject:
    """A model that fits its test images: those of the named data set, else of the one it was trained on.

    A data set without a test split gives all its images, unless the model was trained on it.

    Args:
        given: The model.
        own: What `own_model` found.
        data: Name of a data set, "folder:PATH" and the like (see `load_source`), or "random:3x64x64".
        root: Folder of data sets.
        count: How many random images.

    Raises:
        ValueError: if neither `data` nor the model names a data set, or the model does not fit the images.
    """
    if data is not None and data.partition(":")[0] == "random":
        shape = _random_shape(data)
        model = find_model(given, shape=shape)
        return Subject(model, _random(model.model, shape, count))
    if data is None and (own is None or own.header.get("source") is None):
        raise ValueError(
            f"{given.load} does not say what it was trained on: name a data set with --data mnist (or folder:PATH)"
        )
    images = _images(own, data, root)
    return Subject(find_model(given, shape=images.shape, classes=len(images.classes)), images)


def tell(subject: Subject, data: str | None) -> None:
    """Print what was done to a model from elsewhere, and doubts about what it answers on clean images."""
    import torch

    from tla.models import sanity_check

    for remark in (*subject.model.remarks, *subject.images.notes):
        print(f"note: {remark}", file=sys.stderr)
    if data is not None and data.partition(":")[0] == "random":
        return  # their labels are the model's own
    images = subject.images
    some = images.subset(torch.linspace(0, len(images) - 1, min(CHECKED, len(images))).round().long())
    for warning in sanity_check(subject.model.model, some.pixels, some.labels, images.classes).warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _images(own: NamedModel | None, data: str | None, root: Path | None) -> Images:
    """Test images; all those of a data set without a test split, unless the model was trained on it."""
    source = None if own is None else own.header.get("source")
    if data is not None:
        named = load_source(data)
        seen = source is not None and named == from_dict(Source, source)
        return (named.load(root) if seen else named.load_whole(root)).test
    assert own is not None
    assert source is not None
    if source.get("name") == "python":
        function = source.get("function")
        raise ValueError(f"{own.name} was trained on what {function} returns; to run that code, name it with --data")
    return from_dict(Source, source).load(root).test


def _random_shape(data: str) -> tuple[int, ...]:
    sizes = data.partition(":")[2].split("x")
    if len(sizes) != 3 or not all(size.isdigit() and int(size) > 0 for size in sizes):
        raise ValueError(f"random images need a size, channels x height x width, as in random:3x64x64; got {data!r}")
    return tuple(int(size) for size in sizes)


def _random(model: Model, shape: tuple[int, ...], count: int) -> Images:
    """Images of noise labelled by the model: under other labels its accuracy would be chance."""
    import torch

    from tla.models.network.mode import evaluating
    from tla.seeding import generator

    pixels = torch.randint(256, (count, *shape), generator=generator(0, "random images")).to(torch.uint8)
    with torch.no_grad(), evaluating(model):
        logits = torch.cat([model(batch.float() / 255).logits for batch in pixels.split(100)])
    classes = tuple(str(number) for number in range(logits.shape[1]))
    return Images(pixels, logits.argmax(1), classes, torch.arange(count), name="random")


__all__ = ["MODEL_HELP", "ModelOptions", "NamedModel", "Subject", "find_model", "own_model", "subject_for", "tell"]
