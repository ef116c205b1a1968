"""External models by name: your own function, or a torchvision model."""

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from tla.messages import did_you_mean
from tla.models.external.adapt import as_classifier
from tla.models.network.pixel_statistics import NONE, Statistics

_FORMS = "package.module:function, PATH/file.py:function, or torchvision:resnet18"


def load_user_model(
    name: str,
    *,
    shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    weights: str | None = None,
    head: str | None = None,
) -> nn.Module:
    """An external model that returns `Outputs`, in evaluation mode.

    Args:
        name: "package.module:function" or "PATH/file.py:function" (called without arguments, returns a torch module;
            or the module itself), or "torchvision:resnet18". The working folder is searched for modules too.
        shape: Size of one image; if given, the model is checked now, see `tla.models.as_classifier`.
        classes: Number of classes in the data.
        weights: Trained weights of a torchvision model ("DEFAULT"); the model then includes their normalisation.
        head: Name of the layer whose input is the embedding, if it is not the last nn.Linear.

    Raises:
        ValueError: if the name is not found or is not a model; says what was found.
    """
    source, _, attribute = name.rpartition(":")
    if not source or not attribute:
        raise ValueError(f"model must be {_FORMS}, got {name!r}")
    statistics = NONE
    if source == "torchvision":
        module, statistics = _torchvision(attribute, classes, weights)
    elif weights is not None:
        raise ValueError(f"weights apply to torchvision models only; {name!r} has its own")
    else:
        module = _call(name, _attribute(_imported(source), attribute, name))
    mean, std = statistics
    return as_classifier(module, shape=shape, classes=classes, head=head, mean=mean, std=std).eval()


def _imported(source: str) -> ModuleType:
    if source.endswith(".py"):
        return _from_file(Path(source).expanduser())
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise ValueError(f"{source} needs the package {error.name!r}, which is not installed") from None
        raise ValueError(
            f"no Python module {source!r} (no {error.name!r} in {here} or among the installed packages)"
        ) from None
    finally:
        sys.path.remove(here)


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # the name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _attribute(module: ModuleType, attribute: str, name: str) -> Any:
    if not hasattr(module, attribute):
        public = [word for word in vars(module) if not word.startswith("_")]
        raise ValueError(f"{name}: {module.__name__} has no {attribute!r}; {did_you_mean(attribute, public)}")
    return getattr(module, attribute)


def _call(name: str, found: Any) -> nn.Module:
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise ValueError(f"{name} must be a function that returns a torch module, got {type(found).__name__}")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ValueError(f"{name} must be callable without arguments: {error}") from None
    module = found()
    if not isinstance(module, nn.Module):
        raise ValueError(f"{name}() must return a torch module, got {type(module).__name__}")
    return module


class _TorchvisionModel(NamedTuple):
    """A model, and the statistics it expects images to be normalised by."""

    module: nn.Module
    statistics: Statistics


def _torchvision(name: str, classes: int | None, weights: str | None) -> _TorchvisionModel:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(f"unknown torchvision model {name!r}; {did_you_mean(name, known)}")
    if weights is None:
        size = {} if classes is None else {"num_classes": classes}
        return _TorchvisionModel(models.get_model(name, weights=None, **size), NONE)
    choices = models.get_model_weights(name)
    if weights not in choices.__members__:
        raise ValueError(f"unknown weights {weights!r} for {name}; {did_you_mean(weights, choices.__members__)}")
    chosen = choices[weights]
    recipe = chosen.transforms()
    return _TorchvisionModel(models.get_model(name, weights=chosen), Statistics(tuple(recipe.mean), tuple(recipe.std)))
