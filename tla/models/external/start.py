"""A network to train from: weights that exist, in their own architecture, with a head for the classes of the data."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from tla.config import digest, from_dict, to_dict
from tla.messages import first_line
from tla.models.base import Backbone, build_model, initialising
from tla.models.external.adapt import Adapted, unwrapped
from tla.models.external.answers import name_of
from tla.models.external.fingerprint import fingerprint
from tla.models.external.given import GivenModel
from tla.models.external.new_head import put_new_head
from tla.models.external.sources.loaded import Loaded
from tla.models.external.sources.sized import load_for_start
from tla.models.external.sources.table import architecture_of, load, runs_no_code
from tla.models.network.copying import duplicate
from tla.models.network.mode import evaluating
from tla.types import Outputs, Shape


@dataclass(frozen=True, eq=False, kw_only=True)
class Start:
    """Weights that training starts from, the same for every method and seed; made by `start_from`.

    Args:
        network: Returns `Outputs`; on the CPU, in evaluation mode. Training works on copies of it.
        given: How the network is called, with all that its source stated.
        fingerprint: Changes with the weights, the code of the network's classes, and how it is called.
        classes_before: How many classes it had, if it has a new head for those of the data; else None.
        backbone: Plain settings of the network, if tla built it: it can be built again without any code.
        remarks: What was done to it, a sentence each.
    """

    network: nn.Module
    given: GivenModel
    fingerprint: str
    classes_before: int | None = None
    backbone: dict[str, Any] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def compared(self) -> bool:
        """True if the network answers for the data as it is, before any training."""
        return self.classes_before is None

    def fresh(self) -> nn.Module:
        """A copy of the network, to be trained."""
        return duplicate(self.network)

    def describe(self, shape: Shape, classes: tuple[str, ...]) -> dict[str, Any]:
        """The header of weights trained from here: see `rebuilt`.

        Args:
            shape: Size of one image.
            classes: Names of the data's classes.
        """
        plain = {} if self.backbone is None else {"model": self.backbone}
        if self.backbone is None or isinstance(self.network, Adapted):
            plain["given"] = to_dict(self.given)
        return plain | {"shape": list(shape), "classes": list(classes), "start": self.fingerprint}


class _Fitted(NamedTuple):
    """A network that answers for the data, and how many classes it had before if it has a new head."""

    model: nn.Module
    classes_before: int | None
    remarks: tuple[str, ...]


def start_from(
    given: GivenModel | nn.Module,
    *,
    shape: tuple[int, ...],
    classes: int,
    module: nn.Module | None = None,
    backbone: dict[str, Any] | None = None,
) -> Start:
    """A network and its weights as the start of trainings: `train(start_from(net, ...), images, method, config, ...)`.

    All weights are trained, also those that were frozen, in float32; those that get no gradient (of heads that only
    count in another kind of training, say) stay as they are. If the network has another number of classes than the
    data, the layer that gives the logits is replaced by a new one. The network itself is not changed.

    Args:
        given: The network; or where it comes from and how it is called.
        shape: Size of one image, (channels, height, width).
        classes: Number of classes in the data.
        module: The network, if `given` only says how it is called.
        backbone: Plain settings of `module`, if tla built it.

    Raises:
        ValueError: if it is not found, does not fit the images, or cannot be trained; says why.
        ModuleNotFoundError: if the source's package is not installed; gives the pip command.
    """
    if isinstance(given, nn.Module):
        given, module = GivenModel(load=f"python:{type(given).__module__}.{type(given).__qualname__}"), given
    with initialising(0, "start"):  # so that a network without weights is the same in every run
        loaded = load_for_start(given, classes) if module is None else Loaded(module)
    loaded = loaded._replace(module=_copied(unwrapped(loaded.module)))
    remarks = _in_float32(loaded.module)
    fitted = _fitted(given, loaded, shape, classes)
    remarks += (*getattr(fitted.model, "remarks", ()), *fitted.remarks, *_set_trainable(fitted.model, shape))
    called = resolved(given, fitted.model)
    plain = replace(called, load="any", weights=None)
    return Start(
        network=fitted.model.eval(),
        given=called,
        fingerprint=digest([fingerprint(fitted.model), plain, classes]),
        classes_before=fitted.classes_before,
        backbone=backbone,
        remarks=remarks,
    )


def rebuilt(header: dict[str, Any], module: nn.Module | None = None) -> nn.Module:
    """The network of weights that were trained from a start, as their header describes it; its weights are not set.

    Nothing that the header names is executed: networks of torchvision, timm and ONNX files are built again by their
    package, any other must come as `module`.

    Args:
        header: What `Start.describe` returned.
        module: The network that the start was made of, with any weights.

    Raises:
        ValueError: if the network is needed, or is another one; says how to bring it.
    """
    given, count = from_dict(GivenModel, header["given"]), len(header["classes"])
    shape = Shape(*header["shape"])
    if module is None and "model" in header:
        module = build_model(from_dict(Backbone, header["model"]), shape, count, seed=0)
    if module is None and not runs_no_code(given.load):
        raise ValueError(
            f"trained from {given.load}, and code that a file names is not run: bring the network, in Python as "
            f"load_model(path, network=make()), on the command line as STUDY:METHOD@{architecture_of(given.load)}"
        )
    with initialising(0, "start"):
        loaded = load(architecture_of(given.load), count, None) if module is None else Loaded(module)
    loaded = loaded._replace(module=_copied(unwrapped(loaded.module)))
    _in_float32(loaded.module)
    return _fitted(given, loaded, shape, count).model


def resolved(given: GivenModel, model: nn.Module) -> GivenModel:
    """How a network is called, with what its source stated: enough to call the bare architecture alike."""
    if not isinstance(model, Adapted):
        return given
    statistics, found = model.statistics, model.format
    named = given.head
    if named is None and found is not None and found.kind == "logits" and found.head.name:
        named = found.head.name
    return replace(
        given,
        head=named,
        mean=statistics.mean,
        std=statistics.std,
        channels=model.preprocess.channels,
        resize=model.preprocess.size or 0,
    )


def _fitted(given: GivenModel, loaded: Loaded, shape: tuple[int, ...], classes: int) -> _Fitted:
    """The network called as the user says, with a new head where the number of classes differs."""
    model = given.fit(loaded, shape, classes if given.order is not None else None)
    x = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    with evaluating(model), torch.no_grad():
        before = model(x).logits.shape[1]
    if before == classes:
        return _Fitted(given.fit(loaded, shape, classes), None, ())
    head = put_new_head(loaded.module, model.prepared(x) if isinstance(model, Adapted) else x, classes)
    said = f"it has {before} classes, the data {classes}: {head!r}, which gives the logits, is replaced by a new layer"
    try:
        return _Fitted(given.fit(loaded, shape, classes), before, (said,))
    except ValueError as error:
        mend = f"start from a network with {classes} classes"
        raise ValueError(f"no new head for {classes} classes fits in the place of {head!r}, {mend}: {error}") from None


def _copied(module: nn.Module) -> nn.Module:
    lazy = [name for name, weight in module.named_parameters() if is_lazy(weight)]
    if lazy:
        raise ValueError(
            f"{name_of(module)} has weights without a size ({', '.join(lazy[:3])}): call it once on an image where you "
            "make it"
        )
    try:
        return duplicate(module)
    except Exception as error:  # whatever a foreign network raises
        raise ValueError(
            f"{name_of(module)} cannot be copied, which every training needs: {type(error).__name__}: "
            f"{first_line(error)}"
        ) from None


def _in_float32(module: nn.Module) -> tuple[str, ...]:
    kinds = {str(w.dtype) for w in module.parameters() if w.is_floating_point() and w.dtype != torch.float32}
    if not kinds:
        return ()
    module.float()
    return (f"its weights are turned from {', '.join(sorted(kinds)).replace('torch.', '')} into float32",)


def _set_trainable(model: nn.Module, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Let every weight that gets a gradient be trained, and no other.

    Raises:
        ValueError: if there is none, or the network fails in training mode.
    """
    name = name_of(model.module if isinstance(model, Adapted) else model)
    weights = [weight for weight in model.parameters() if weight.is_floating_point()]
    frozen = sum(weight.numel() for weight in weights if not weight.requires_grad)
    for weight in weights:
        weight.requires_grad_(True)
    reached = _reached(model, shape, name)
    idle = 0
    for key, weight in model.named_parameters():
        if key not in reached:
            weight.requires_grad_(False)
            idle += weight.numel()
    said = (f"{frozen:,} of its weights were frozen, and are trained too",) if frozen else ()
    return (*said, f"{idle:,} of its weights get no gradient in training, and stay as they are") if idle else said


def _reached(model: nn.Module, shape: tuple[int, ...], name: str) -> set[str]:
    """Names of the weights that get a gradient in training mode; of a copy, as batch norm counts its calls."""
    trial = _copied(model).train()
    with initialising(0, "trial"), torch.inference_mode(False), torch.enable_grad():
        x = torch.rand(4, *shape)
        try:
            outputs: Outputs = trial(x)
            if not outputs.logits.requires_grad:
                outputs = outputs._replace(embedding=outputs.embedding.detach())
            total = sum(((values * torch.rand_like(values)).sum() for values in outputs), torch.zeros(()))
            if total.requires_grad:
                total.backward()
        except Exception as raised:  # whatever a foreign network raises
            error = raised.__cause__ or raised
            raise ValueError(
                f"{name} cannot be trained, in training mode it raises {type(error).__name__}: {first_line(error)}"
            ) from None
    reached = {key for key, weight in trial.named_parameters() if weight.grad is not None}
    if not reached:
        why = "it has none" if not len(list(trial.parameters())) else "they are constants, or it detaches its logits"
        raise ValueError(f"{name} cannot be trained, no weight of it gets a gradient ({why}): start from its source")
    return reached
