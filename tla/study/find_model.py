"""Any model by its name: one that tla made, in a study, a file or this package, or one from elsewhere."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from tla.config import from_dict
from tla.messages import did_you_mean
from tla.models import GivenModel, Start, as_classifier, start_from
from tla.models.external.adapt import Adapted
from tla.store import Store
from tla.types import Model


@dataclass(frozen=True)
class NamedModel:
    """A model to examine.

    Attributes:
        name: As given by the user.
        model: Maps images to `Outputs`.
        header: Metadata from its file: study values, data set, facts; empty for other models.
        store: The study it belongs to, if any.
        key: Its name in that study ("tla-seed0").
        remarks: What was done to a model from elsewhere, a sentence each.
        network: The network that the user brought for weights that were trained from given ones.
    """

    name: str
    model: Model
    header: dict[str, Any]
    store: Store | None = None
    key: str = ""
    remarks: tuple[str, ...] = ()
    network: nn.Module | None = None


def find_model(
    given: GivenModel | str, *, shape: tuple[int, ...] | None = None, classes: int | None = None
) -> NamedModel:
    """The model that a name means: of a study ("digits:at"), shipped ("mnist/tla"), a checkpoint, or from elsewhere.

    Weights that were trained from given ones need their network after an @, "mine:at@net.py:Net": code that a study
    names is not run.

    Args:
        given: The model, or its name; names are tried in the order above.
        shape: Size of one image, (channels, height, width); if given, the model is checked with such images now.
        classes: Number of classes in the data; a model with another number is refused.

    Raises:
        ValueError: for an unknown name, an unusable model, or weights for a model that has its own.
        FileNotFoundError: if the study or file does not exist.
        ModuleNotFoundError: if the package of a source is not installed; gives the pip command.
    """
    given = GivenModel(load=given) if isinstance(given, str) else given
    own = own_model(given)
    if own is None:
        model = given.build(shape, classes)
        return NamedModel(given.load, model, {}, remarks=getattr(model, "remarks", ()))
    changed = replace(given, weights=None) != GivenModel(load=given.load)
    if shape is None and not changed:
        return own
    fitted = (
        given.adapt(own.model, shape, classes) if changed else as_classifier(own.model, shape=shape, classes=classes)
    )
    return replace(own, model=fitted.eval())


def find_start(given: GivenModel, *, shape: tuple[int, ...], classes: int, module: nn.Module | None = None) -> Start:
    """The start of trainings that a name means; see `find_model` and `tla.models.start_from`.

    Args:
        given: The model.
        shape: Size of one image, (channels, height, width).
        classes: Number of classes in the data.
        module: The network, if it is a variable.

    Raises:
        ValueError: as `find_model`, and if it cannot be trained.
        FileNotFoundError: as `find_model`.
        ModuleNotFoundError: as `find_model`.
    """
    own = own_model(given) if module is None else None
    if own is None:
        return start_from(given, shape=shape, classes=classes, module=module)
    backbone, called, network = own.header.get("model"), given, own.model
    if isinstance(network, Adapted):  # trained from a start itself
        if replace(given, weights=None) != GivenModel(load=given.load):
            raise ValueError(f"{given.load} is called as it was trained: head, mean, std and the like are its own")
        called, network = from_dict(GivenModel, own.header["given"]), network.module
    return start_from(called, shape=shape, classes=classes, module=network, backbone=backbone)


def own_model(given: GivenModel) -> NamedModel | None:
    """The model, if tla made it: of a study, shipped, or a checkpoint; None for one from elsewhere.

    Raises:
        ValueError: as `find_model`.
        FileNotFoundError: as `find_model`.
    """
    own = _found(given.load)
    if own is not None and given.weights is not None:
        raise ValueError(f"--weights are for networks from elsewhere; {given.load} has its own")
    return own


def _found(name: str) -> NamedModel | None:
    from tla.models.external.sources.table import SOURCES
    from tla.models.external.weight_files import is_weight_file
    from tla.training.checkpoint import is_started
    from tla.weights import card, load, shipped_weights

    head, colon, tail = name.partition(":")
    if colon and head not in SOURCES and "@" not in head:
        study = _study(head)
        return None if study is None else _of_study(name, study, tail)
    file, at, network = name.partition("@")
    if file.lower().endswith(".safetensors") and (not at or is_started(Path(file))):
        return _checkpoint(name, Path(file), network)
    if ":" not in file and (is_weight_file(file) or file.lower().endswith(".onnx")) and not _exists(file):
        raise FileNotFoundError(f"no file {file}")
    if at:
        return None
    if name in shipped_weights():
        return NamedModel(name, load(name), card(name))
    if colon or Path(name).suffix:
        return None
    if name.startswith((".", "~")) or Path(name).is_absolute():
        raise FileNotFoundError(f"no model {name}; files end in .onnx, .pt, .pth or .safetensors, or STUDY:at")
    load(name)  # raises: neither a colon nor a file's name
    return None


def _exists(file: str) -> bool:
    return Path(file).expanduser().exists()


def _study(name: str) -> Store | None:
    from tla.study.locate import open_study

    try:
        return open_study(name)
    except FileNotFoundError:
        return None


def _of_study(name: str, store: Store, model: str) -> NamedModel:
    known = sorted(file.parent.name for file in store.path.glob("models/*/model.safetensors"))
    study = store.manifest().get("study", {})
    key, network = _key_and_network(model, known)
    if not key:
        given = {**study.get("given", {}), **study.get("start", {})}.get(model)
        if given is not None:
            raise ValueError(f"{model!r} was given to {store.path}, which has no weights of it: name {given['load']}")
        raise ValueError(f"{store.path} has no model {model!r}; {did_you_mean(model, known)}")
    loaded = _checkpoint(name, store.check(f"models/{key}/model.safetensors"), network)
    header = {**loaded.header, "source": study.get("source"), "attack": study.get("attack")}
    return replace(loaded, header=header, store=store, key=key)


def _key_and_network(model: str, known: list[str]) -> tuple[str, str]:
    """The model of a study that "at", "at-seed1" or "at@net.py:Net" means, and the network; empty where there is none.

    Names of variants have an @ of their own: "tla@pool=250".
    """
    names = {name: key for key in reversed(known) for name in (key, key.rsplit("-seed", 1)[0])}
    for name in sorted(names, key=len, reverse=True):
        network = model.removeprefix(f"{name}@")
        if model == name or (network != model and (":" in network or network.endswith(".onnx"))):
            return names[name], "" if model == name else network
    return "", ""


def _checkpoint(name: str, path: Path, network: str = "") -> NamedModel:
    from tla.models.external.sources.table import load
    from tla.training import load_model

    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    module = load(network, None, None).module if network else None
    loaded = load_model(path, module)
    return NamedModel(name, loaded.model.eval(), dict(loaded.header), network=module)
