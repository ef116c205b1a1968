"""Finds the model that a verb speaks of, and images that fit it."""

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
                   package.module:function          your own: a callable that returns a torch module which gives
                                                    logits, or (logits, embedding), for images in 0..1
                   torchvision:resnet18             torchvision's, by name; --weights DEFAULT for trained ones

DATA             random:3x64x64 are images of noise; what the model says of them counts as right"""


@dataclass(frozen=True)
class NamedModel:
    """A model to examine.

    Attributes:
        name: What it was called.
        model: Maps images to `Outputs`.
        header: What its file says of it: study values, data set, facts; empty for foreign models.
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
        name: What it is called.
        weights: Trained weights of a torchvision model ("DEFAULT").

    Raises:
        ValueError: if the name has no meaning, the model cannot be used, or weights are asked for where there are none.
        FileNotFoundError: if the study or file is not there.
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


def images_for(subject: NamedModel, data: str | None, root: Path | None, count: int = 1000) -> Images:
    """Test images for a model: those asked for, else those it was trained on.

    Args:
        subject: The model.
        data: Name of a data set, "folder:PATH", or "random:3x64x64".
        root: Folder of data sets.
        count: How many, where images are made up.

    Raises:
        ValueError: if none were asked for and the model does not say what it was trained on.
    """
    if data is not None and data.partition(":")[0] == "random":
        return _random(subject.model, data, count)
    if data is not None:
        return load_source(data).load(root).test
    source = subject.header.get("source")
    if source is None:
        raise ValueError(
            f"{subject.name} does not say what it was trained on: name a data set with --data mnist (or folder:PATH)"
        )
    from tla.config import from_dict
    from tla.data import Source

    return from_dict(Source, source).load(root).test


def _random(model: Model, data: str, count: int) -> Images:
    """Noise of a given size, labelled by the model: with labels of its own it would have nothing to lose."""
    import torch

    from tla.models.network.mode import evaluating
    from tla.seeding import generator

    sizes = data.partition(":")[2].split("x")
    if len(sizes) != 3 or not all(size.isdigit() and int(size) > 0 for size in sizes):
        raise ValueError(f"random images want a size, channels x height x width, as in random:3x64x64; got {data!r}")
    shape = tuple(int(size) for size in sizes)
    pixels = torch.randint(256, (count, *shape), generator=generator(0, "random images")).to(torch.uint8)
    with torch.no_grad(), evaluating(model):
        logits = torch.cat([model(part.float() / 255).logits for part in pixels.split(100)])
    classes = tuple(str(number) for number in range(logits.shape[1]))
    return Images(pixels, logits.argmax(1), classes, torch.arange(count), name="random")


def _study(name: str) -> Store | None:
    from tla.study.locate import open_study

    try:
        return open_study(name)
    except FileNotFoundError:
        return None


def _of_study(name: str, store: Store, wanted: str) -> NamedModel:
    there = sorted(file.parent.name for file in store.path.glob("models/*/model.safetensors"))
    matches = [key for key in there if wanted in (key, key.rsplit("-seed", 1)[0])]
    if not matches:
        raise ValueError(f"{store.path} has no model {wanted!r}; {did_you_mean(wanted, there)}")
    found = _checkpoint(name, store.path / "models" / matches[0] / "model.safetensors")
    study = store.manifest().get("study", {})
    header = {**found.header, "source": study.get("source"), "attack": study.get("attack")}
    return NamedModel(name, found.model, header, store, matches[0])


def _checkpoint(name: str, path: Path) -> NamedModel:
    from tla.training import load_model

    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    loaded = load_model(path)
    return NamedModel(name, loaded.model.eval(), dict(loaded.header))
