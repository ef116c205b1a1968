"""The images that a study folder holds."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from tla.data.base import SOURCES, Source, Splits
from tla.data.loading.images import Images


@SOURCES.register("study")
@dataclass(frozen=True, kw_only=True)
class StudyImages(Source):
    """The images stored in a study folder: its gallery to train on, its attacked images to test on.

    Args:
        path: The study folder.
    """

    path: str

    def load(self, root: Path | None = None) -> Splits:
        """Both splits; ids are the positions in the study folder, or those of the data where both are of one split.

        A relative path is searched under `root`, too.

        Raises:
            FileNotFoundError: if the folder holds no images of a study.
            ValueError: if its files cannot be read; names the file.
        """
        folder = next(
            (place for place in _places(self.path, root) if _images(place).is_file()), Path(self.path).expanduser()
        )
        file, manifest = _images(folder), folder / "manifest.json"
        if not file.is_file():
            raise FileNotFoundError(f"{folder} holds no images of a study ({file.name} is missing)")
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            facts, arrays = json.loads(manifest.read_text(encoding="utf-8"))["data"], load_file(file)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder}: its images cannot be read ({type(error).__name__}: {error})") from None
        if "test" not in arrays:
            raise ValueError(f"{folder}: this study came without images; fill them in: tla fill {folder}")
        classes, name = tuple(map(str, facts["classes"])), str(facts["name"])
        shared = bool(facts.get("shared"))
        train, test = (
            Images(
                arrays[key],
                arrays[f"{key}_y"].long(),
                classes,
                arrays[f"{key}_id"].long() if shared else torch.arange(len(arrays[key])),
                name,
                split,
            )
            for key, split in (("gallery", "test" if shared else "train"), ("test", "test"))
        )
        return Splits(train, test)


def _places(path: str, root: Path | None) -> list[Path]:
    here = Path(path).expanduser()
    return [here] if root is None else [here, root / here]


def _images(folder: Path) -> Path:
    return folder / "arrays" / "images.safetensors"
