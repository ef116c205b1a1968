"""Trained weights that ship: a card each, <data set>/<method>.json next to this file, and the weights beside it.

The weights of a study that ships are not there twice: their card says where in the study they are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tla.files import replacing
from tla.messages import did_you_mean

if TYPE_CHECKING:
    from tla.models import Classifier

FOLDER = Path(__file__).parent
STUDIES = FOLDER.parent / "shipped"
LINK = "file"
"""Key of a card whose weights are in a study that ships: "mnist-robust/models/at-seed0/model.safetensors"."""
CARD = ("recipe", "seed", "hardware", "accuracy")
"""The keys of every card: the recipe's name, the seed, the hardware, accuracy in % by attack ("clean", ...)."""


def shipped_weights(folder: Path = FOLDER) -> dict[str, Path]:
    """Name ("mnist/tla") and file of all weights that ship.

    Args:
        folder: Their folder.
    """
    cards = {f"{file.parent.name}/{file.stem}": _weights_of(file) for file in folder.glob("*/*.json")}
    beside = {f"{file.parent.name}/{file.stem}": file for file in folder.glob("*/*.safetensors")}
    return dict(sorted((cards | beside).items()))


def load(name: str, folder: Path = FOLDER) -> "Classifier":
    """A trained model that ships, in evaluation mode, on the CPU, float32.

    Args:
        name: "<data set>/<method>", as in `tla list weights`: "mnist/tla".
        folder: Folder of the weights.

    Raises:
        ValueError: if no weights have that name; lists those there are.
        DamagedFileError: if their file is damaged; names it.
    """
    from tla.training import load_model

    return cast("Classifier", load_model(_file(name, folder)).model)


def facts(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The card alone: recipe, seed, hardware, accuracy, and what was measured later.

    Args:
        name: As in `load`.
        folder: Folder of the weights.

    Raises:
        ValueError: if no weights have that name, or their card is damaged.
    """
    _file(name, folder)
    return _read_card(folder / f"{name}.json")


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The metadata of trained weights: how the network is built, and the card (recipe, seed, hardware, accuracy).

    Args:
        name: As in `load`.
        folder: Folder of the weights.

    Raises:
        ValueError: if no weights have that name, or their card is damaged.
        DamagedFileError: if their file is damaged; names it.
    """
    from tla.training.checkpoint import read_weights

    header = read_weights(_file(name, folder)).header
    return {**header, **{key: value for key, value in facts(name, folder).items() if key != LINK}}


def pack(checkpoint: Path, name: str, values: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Turn a study's model into weights that ship: half precision, with its card; those of a shipped study stay there.

    Args:
        checkpoint: models/<method>-seed<k>/model.safetensors of a study.
        name: "<data set>/<method>".
        values: The card: recipe, seed, hardware, accuracy, and any other plain values.
        folder: Output folder.

    Returns:
        The file of the weights; with those of a shipped study, the card.

    Raises:
        ValueError: if the name is not of that form, or the card lacks a key.
    """
    from tla.training import load_model, save_model

    parts = name.split("/")
    if len(parts) != 2 or not all(part and part == Path(part).name for part in parts):
        raise ValueError(f"name must be <data set>/<method>, got {name!r}")
    missing = [key for key in CARD if key not in values]
    if missing:
        raise ValueError(f"the card of {name} lacks {', '.join(missing)}")
    if checkpoint.resolve().is_relative_to(STUDIES):
        link = checkpoint.resolve().relative_to(STUDIES).as_posix()
        _write_card(folder / f"{name}.json", {LINK: link, **values})
        return folder / f"{name}.json"
    saved = load_model(checkpoint)
    file = folder / f"{name}.safetensors"
    header = {key: value for key, value in saved.header.items() if key not in ("schema", "weights")}
    save_model(file, saved.model, header, half=True)
    _write_card(file.with_suffix(".json"), values)
    return file


def annotate(name: str, further: Mapping[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Add later measurements to the card of weights: `annotate("mnist/at", {"autoattack": {"accuracy": ...}})`.

    Args:
        name: As in `load`.
        further: Plain values for the card; existing keys are overwritten.
        folder: Folder of the weights.

    Returns:
        The whole card.

    Raises:
        ValueError: if no weights have that name, or their card is damaged.
    """
    whole = {**facts(name, folder), **further}
    _write_card(folder / f"{name}.json", whole)
    return whole


def _write_card(file: Path, values: Mapping[str, Any]) -> None:
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(dict(values), indent=1) + "\n", encoding="utf-8")


def _file(name: str, folder: Path) -> Path:
    known = shipped_weights(folder)
    if name in known:
        return known[name]
    hint = did_you_mean(name, known) if known else "none ship with this installation"
    raise ValueError(f"unknown weights {name!r}; {hint}")


def _weights_of(card: Path) -> Path:
    """The file that a card is about: where it says, or beside it."""
    try:
        link = json.loads(card.read_text(encoding="utf-8"))[LINK]
    except (OSError, ValueError, KeyError, TypeError):
        return card.with_suffix(".safetensors")
    return STUDIES / link


def _read_card(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: the card cannot be read ({error})") from None
    missing = [key for key in CARD if not isinstance(values, dict) or key not in values]
    if missing:
        raise ValueError(f"{file}: the card lacks {', '.join(missing)}")
    return values
