"""Given networks by name, as models that return `Outputs`."""

from torch import nn

from tla.models.external.adapt import Adapted, as_classifier
from tla.models.external.preprocess import Numbers, statistics_of
from tla.models.external.sources.loaded import Loaded
from tla.models.external.sources.table import load


def load_user_model(
    name: str,
    *,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    weights: str | None = None,
    head: str | None = None,
    mean: Numbers = None,
    std: Numbers = None,
    channels: int | None = None,
    resize: int | tuple[int, int] | None = None,
    order: tuple[int, ...] | None = None,
) -> nn.Module:
    """An external model that returns `Outputs`, in evaluation mode.

    Args:
        name: "package.module:function" or "PATH/file.py:function" (called without arguments, returns a torch module;
            or the module itself), "torchvision:resnet18", "timm:NAME", "hf:ORG/NAME" or "hf:FOLDER",
            "robustbench:NAME", "FILE.onnx", "FILE.pt" of TorchScript; "FILE.pth@NAME" for one of these with the
            weights of a file. The working folder is searched for modules too.
        shape: Size of one image; if given, the model is checked now, see `tla.models.as_classifier`.
        classes: Number of classes in the data.
        weights: A file of weights, or trained weights of a torchvision or timm model ("DEFAULT"); the model then
            includes their normalisation and size.
        head: Name of the layer whose input is the embedding, if it is not the layer that gives the logits.
        mean: Subtracted from pixels in [0, 1] inside the model: numbers, "imagenet", "cifar10" or "none"; by default
            what the source states.
        std: Pixels are divided by it afterwards; as `mean`.
        channels: Channels that the network takes, 1 or 3; by default what the source states.
        resize: Side, or height and width, of the images that the network takes; 0 for any; by default what the source
            states.
        order: For each class of the data, the position of its logit.

    Raises:
        ValueError: if the name is not found or is not a model; says what was found.
        ModuleNotFoundError: if the source's package is not installed; gives the pip command.
    """
    loaded = load(name, classes if order is None else None, weights)
    return fitted(
        loaded,
        shape=shape,
        classes=classes,
        head=head,
        mean=mean,
        std=std,
        channels=channels,
        resize=resize,
        order=order,
    )


def fitted(
    loaded: Loaded,
    *,
    shape: tuple[int, ...] | None,
    classes: int | None,
    head: str | None,
    mean: Numbers,
    std: Numbers,
    channels: int | None,
    resize: int | tuple[int, int] | None,
    order: tuple[int, ...] | None,
) -> nn.Module:
    """A network as a model that returns `Outputs`; what is not said is what its source states.

    Args:
        loaded: The network, and what its source states.
        shape: As in `load_user_model`, and so the others.
        classes: Number of classes.
        head: Layer.
        mean: Mean.
        std: Standard deviation.
        channels: Channels.
        resize: Size.
        order: Logits.

    Raises:
        ValueError: as `load_user_model`.
    """
    mean_, std_ = statistics_of(mean, std, loaded.statistics)
    size = loaded.size if resize is None else (resize, resize) if isinstance(resize, int) else resize
    known = channels if channels is not None else loaded.channels
    model = as_classifier(
        loaded.module.eval(),
        shape=shape,
        classes=classes,
        head=head,
        mean=mean_,
        std=std_,
        channels=known,
        resize=None if size is None or 0 in size else size,
        order=order,
        batch=loaded.batch,
    ).eval()
    if isinstance(model, Adapted):
        model.remarks = loaded.remarks + (() if shape is None else _changes(shape, known, model.preprocess.size))
    return model


def _changes(shape: tuple[int, ...], channels: int | None, size: tuple[int, int] | None) -> tuple[str, ...]:
    """What is done to images of a size inside the model."""
    said = []
    if channels is not None and len(shape) == 3 and channels != shape[0]:
        said.append(f"images of {shape[0]} channels are turned into {channels} inside the model")
    if size is not None and len(shape) == 3 and tuple(shape[1:]) != size:
        said.append(f"images of {shape[1]} x {shape[2]} pixels are resized to {size[0]} x {size[1]} inside the model")
    return tuple(said)
