"""Image classifiers of Hugging Face's transformers: from a local folder, or by name."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from tla.extras import require
from tla.messages import first_line
from tla.models.external.sources.loaded import Loaded, Wanted
from tla.models.network.pixel_statistics import NONE, Statistics

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class Reversed(nn.Module):
    """Blue, green, red: some networks take channels in that order.

    Args:
        module: The network.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Any:
        """What the network returns for the images with their channels in reverse order."""
        return self.module(x.flip(1))


def load(name: str, wanted: Wanted) -> Loaded:
    """An image classifier, with the normalisation and size of its image processor; no code of its own is run.

    Args:
        name: "ORG/NAME", or a local folder; a folder that has a config.json but no weights gives an untrained network.
        wanted: Its weights are its own.

    Raises:
        ValueError: if it cannot be loaded, is not an image classifier, or lacks weights; lists them.
        ModuleNotFoundError: if transformers is not installed; gives the pip command.
    """
    transformers = require("transformers", f"hf:{name}")
    if wanted.weights is not None:
        raise ValueError(f"hf:{name} has its own weights; weights must be a file, got {wanted.weights!r}")
    folder = Path(name).expanduser()
    if name.startswith((".", "/", "~")) and not folder.is_dir():
        raise ValueError(f"hf:{name} cannot be loaded: there is no folder {folder}")
    where, builder = str(folder) if folder.is_dir() else name, transformers.AutoModelForImageClassification
    try:
        if folder.is_dir() and not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
            config = transformers.AutoConfig.from_pretrained(where)
            module, remarks = builder.from_config(config), (f"hf:{name} has no weights in its folder: untrained",)
        else:
            module, report = builder.from_pretrained(where, output_loading_info=True)
            _refuse_incomplete(name, report)
            remarks = ()
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"hf:{name} cannot be loaded: {first_line(error)}") from None
    settings = _processor(transformers, where)
    statistics = NONE
    if settings.get("do_normalize", False):
        statistics = Statistics(tuple(settings["image_mean"]), tuple(settings["image_std"]))
    if settings.get("do_flip_channel_order", False):
        module, remarks = Reversed(module), (*remarks, f"hf:{name} takes blue, green, red: reversed inside")
    if not settings:
        remarks = (*remarks, f"hf:{name} has no image processor: set mean and std (--mean) if it was trained with any")
    channels = getattr(_config(module), "num_channels", None)
    return Loaded(module, statistics, _size(settings, module), channels, remarks=remarks)


def _refuse_incomplete(name: str, report: dict[str, Any]) -> None:
    """Weights that a file lacks would be random numbers."""
    missing = sorted(map(str, report.get("missing_keys", ()))) + sorted(map(str, report.get("mismatched_keys", ())))
    if missing:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise ValueError(f"hf:{name} has no weights for {listed}: it is not a trained image classifier")


def _processor(transformers: Any, where: str) -> dict[str, Any]:
    """Settings of the image processor; empty if there is none."""
    try:
        return transformers.AutoImageProcessor.from_pretrained(where).to_dict()
    except (OSError, ValueError, ImportError):
        return {}


def _size(settings: dict[str, Any], module: nn.Module) -> tuple[int, int] | None:
    """Height and width after the processor, else those in the network's config."""
    for key in ("crop_size", "size") if settings.get("do_center_crop", False) else ("size",):
        found = settings.get(key)
        if isinstance(found, int):
            return found, found
        if hasattr(found, "get"):
            side = found.get("shortest_edge")  # pyright: ignore[reportOptionalMemberAccess]
            pair = found.get("height") or side, found.get("width") or side  # pyright: ignore[reportOptionalMemberAccess]
            if all(pair):
                return int(pair[0]), int(pair[1])
    stated = getattr(_config(module), "image_size", None)
    if isinstance(stated, int):
        return stated, stated
    return (int(stated[0]), int(stated[1])) if isinstance(stated, list | tuple) and len(stated) == 2 else None


def _config(module: nn.Module) -> Any:
    return (module.module if isinstance(module, Reversed) else module).config
