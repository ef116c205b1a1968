"""Finds the model that a verb names, and images for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tla.data import Images, load_source
from tla.messages import did_you_mean
from tla.store import Store
from tla.types import Model

MODEL_HELP = """\
MODEL            one of
                   digits:tla or PATH:at-seed1      a model of a study, by study (name or folder) and method
                   mnist/tla                        weights that ship (tla list weights)
                   PATH/model.safetensors           a checkpoint written by tla
                   package.module:function          your own: a callable that returns a torch module which maps
                                                    images in 0..1 to logits, or to (logits, embedding)
                   torchvision:resnet18             torchvision's, by name; --weights DEFAULT for trained ones

DATA             random:3x64x64 makes images of noise, labelled by the model itself"""


@dataclass(frozen=True)
class NamedModel:
    """A model to examine.

    Attributes:
        name: As given by the user.
        model: Maps images to `Outputs`.
        header: Metadata from its file: study values, data set, facts; empty for other models.
        store: The study it belongs to, if any.
        key: Its name in that study ("tla-seed0").
    """

    name: str
    model: Model
    header: dict[str, Any]
    store: Store | None = None
    key: str = ""


def find_model(name: str, weights: str | None = None) -> NamedModel:
    """The model called `name`; see MODEL_HELP.

    Args:
        name: The model's name.
        weights: Trained weights of a torchvision model ("DEFAULT").

    Raises:
        ValueError: for an unknown name, an unusable model, or weights for a model that is not torchvision's.
        FileNotFoundError: if the study or file does not exist.
    """
    if weights is not None and not name.startswith("torchvision:"):
        raise ValueError(f"--weights are for torchvision's models; {name} has its own")
    if name.endswith(".safetensors"):
        return _checkpoint(name, Path(name))
    if ":" in name:
        head, _, tail = name.partition(":")
        study = _study(head)
        if study is not None:
            return _of_study(name, study, tail)
        from tla.models import load_user_model

        return NamedModel(name, load_user_model(name, weights=weights), {})
    from tla.weights import card, load

    return NamedModel(name, load(name), card(name))


def images_for(model: NamedModel, data: str | None, root: Path | None, count: int = 1000) -> Images:
    """Test images for a model: of the named data set, else of the one it was trained on.

    Args:
        model: The model.
        data: Name of a data set, "folder:PATH", or "random:3x64x64".
        root: Folder of data sets.
        count: How many random images.

    Raises:
        ValueError: if neither `data` nor the model names a data set.
    """
    if data is not None and data.partition(":")[0] == "random":
        return _random(model.model, data, count)
    if data is not None:
        return load_source(data).load(root).test
    source = model.header.get("source")
    if source is None:
        raise ValueError(
            f"{model.name} does not say what it was trained on: name a data set with --data mnist (or folder:PATH)"
        )
    from tla.config import from_dict
    from tla.data import Source

    return from_dict(Source, source).load(root).test


def _random(model: Model, data: str, count: int) -> Images:
    """Images of noise labelled by the model: under other labels its accuracy would be chance."""
    import torch

    from tla.models.network.mode import evaluating
    from tla.seeding import generator

    sizes = data.partition(":")[2].split("x")
    if len(sizes) != 3 or not all(size.isdigit() and int(size) > 0 for size in sizes):
        raise ValueError(f"random images need a size, channels x height x width, as in random:3x64x64; got {data!r}")
    shape = tuple(int(size) for size in sizes)
    pixels = torch.randint(256, (count, *shape), generator=generator(0, "random images")).to(torch.uint8)
    with torch.no_grad(), evaluating(model):
        logits = torch.cat([model(batch.float() / 255).logits for batch in pixels.split(100)])
    classes = tuple(str(number) for number in range(logits.shape[1]))
    return Images(pixels, logits.argmax(1), classes, torch.arange(count), name="random")


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
