"""Any model by its name: one that tla made, in a study, a file or this package, or one from elsewhere."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tla.messages import did_you_mean
from tla.models import GivenModel, as_classifier
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
    """

    name: str
    model: Model
    header: dict[str, Any]
    store: Store | None = None
    key: str = ""
    remarks: tuple[str, ...] = ()


def find_model(
    given: GivenModel | str, *, shape: tuple[int, ...] | None = None, classes: int | None = None
) -> NamedModel:
    """The model that a name means: of a study ("digits:at"), shipped ("mnist/tla"), a checkpoint, or from elsewhere.

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
    from tla.weights import card, load, shipped_weights

    if "@" in name:
        return None
    if name.lower().endswith(".safetensors"):
        return _checkpoint(name, Path(name))
    if name in shipped_weights():
        return NamedModel(name, load(name), card(name))
    head, colon, tail = name.partition(":")
    if colon and head not in SOURCES:
        study = _study(head)
        return None if study is None else _of_study(name, study, tail)
    if colon or Path(name).suffix:
        return None
    load(name)  # raises: neither a colon nor a file's name
    return None


def _study(name: str) -> Store | None:
    from tla.study.locate import open_study

    try:
        return open_study(name)
    except FileNotFoundError:
        return None


def _of_study(name: str, store: Store, model: str) -> NamedModel:
    known = sorted(file.parent.name for file in store.path.glob("models/*/model.safetensors"))
    matches = [key for key in known if model in (key, key.rsplit("-seed", 1)[0])]
    if not matches:
        raise ValueError(f"{store.path} has no model {model!r}; {did_you_mean(model, known)}")
    loaded = _checkpoint(name, store.check(f"models/{matches[0]}/model.safetensors"))
    study = store.manifest().get("study", {})
    header = {**loaded.header, "source": study.get("source"), "attack": study.get("attack")}
    return NamedModel(name, loaded.model, header, store, matches[0])


def _checkpoint(name: str, path: Path) -> NamedModel:
    from tla.training import load_model

    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    loaded = load_model(path)
    return NamedModel(name, loaded.model.eval(), dict(loaded.header))
