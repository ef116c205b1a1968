"""Trained weights that ship: <data set>/<method>.safetensors next to this file, each with a card of the same name."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tla.files import replacing
from tla.messages import did_you_mean

if TYPE_CHECKING:
    from tla.models import Classifier

FOLDER = Path(__file__).parent
CARD = ("recipe", "seed", "hardware", "accuracy")
"""The keys of every card: the recipe's name, the seed, the hardware, accuracy in % by attack ("clean", ...)."""


def shipped_weights(folder: Path = FOLDER) -> dict[str, Path]:
    """Name ("mnist/tla") and file of all weights that ship.

    Args:
        folder: Their folder.
    """
    return {f"{file.parent.name}/{file.stem}": file for file in sorted(folder.glob("*/*.safetensors"))}


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

    file = _file(name, folder)
    return {**read_weights(file).header, **_read_card(file.with_suffix(".json"))}


def pack(checkpoint: Path, name: str, facts: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Turn a study's model into weights that ship: half precision, with its card.

    Args:
        checkpoint: models/<method>-seed<k>/model.safetensors of a study.
        name: "<data set>/<method>".
        facts: The card: recipe, seed, hardware, accuracy, and any other plain values.
        folder: Output folder.

    Returns:
        The file of the weights.

    Raises:
        ValueError: if the name is not of that form, or the card lacks a key.
    """
    from tla.training import load_model, save_model

    parts = name.split("/")
    if len(parts) != 2 or not all(part and part == Path(part).name for part in parts):
        raise ValueError(f"name must be <data set>/<method>, got {name!r}")
    missing = [key for key in CARD if key not in facts]
    if missing:
        raise ValueError(f"the card of {name} lacks {', '.join(missing)}")
    saved = load_model(checkpoint)
    file = folder / f"{name}.safetensors"
    header = {key: value for key, value in saved.header.items() if key not in ("schema", "weights")}
    save_model(file, saved.model, header, half=True)
    _write_card(file.with_suffix(".json"), facts)
    return file


def annotate(name: str, facts: Mapping[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Add later measurements to the card of weights: `annotate("mnist/at", {"autoattack": {"accuracy": ...}})`.

    Args:
        name: As in `load`.
        facts: Further plain values for the card; existing keys are overwritten.
        folder: Folder of the weights.

    Returns:
        The whole card.

    Raises:
        ValueError: if no weights have that name, or their card is damaged.
    """
    file = _file(name, folder).with_suffix(".json")
    whole = {**_read_card(file), **facts}
    _write_card(file, whole)
    return whole


def _write_card(file: Path, facts: Mapping[str, Any]) -> None:
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(dict(facts), indent=1) + "\n", encoding="utf-8")


def _file(name: str, folder: Path) -> Path:
    known = shipped_weights(folder)
    if name in known:
        return known[name]
    hint = did_you_mean(name, known) if known else "none ship with this installation"
    raise ValueError(f"unknown weights {name!r}; {hint}")


def _read_card(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: the card cannot be read ({error})") from None
    missing = [key for key in CARD if not isinstance(facts, dict) or key not in facts]
    if missing:
        raise ValueError(f"{file}: the card lacks {', '.join(missing)}")
    return facts
