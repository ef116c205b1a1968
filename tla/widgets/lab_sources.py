"""What a lab attacks: a model of a study with its test images, or a model and images of one's own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tla.study.bare import is_bare
from tla.study.locate import open_study
from tla.widgets.notebook.lab import LabImages


class LabSubject(NamedTuple):
    """A model that returns `Outputs`, images, and the threat to begin with."""

    model: Any
    images: LabImages
    norm: str
    eps: float


def study_lab(name: str) -> LabSubject:
    """The model "STUDY:METHOD" or "STUDY:METHOD:SEED" and the study's test images.

    Raises:
        ValueError: for another form, or a study without images.
        FileNotFoundError: for a study or model that is not there; lists those that are.
    """
    import torch

    from tla.training import load_model

    parts = name.split(":")
    if len(parts) not in (2, 3) or not all(parts) or (len(parts) == 3 and not parts[2].isdigit()):
        raise ValueError(f"a model of a study is given as STUDY:METHOD or STUDY:METHOD:SEED, got {name!r}")
    store = open_study(parts[0])
    manifest = store.manifest()
    seed = int(parts[2]) if len(parts) == 3 else next(iter(manifest.get("study", {}).get("seeds", [0])))
    file = store.path / "models" / f"{parts[1]}-seed{seed}" / "model.safetensors"
    if not file.exists():
        known = sorted(one.parent.name for one in store.path.glob("models/*/model.safetensors"))
        raise FileNotFoundError(
            f"{store.path} has no model {parts[1]}-seed{seed}; it has: {', '.join(known) or 'none'}"
        )
    store.check(str(file.relative_to(store.path)))
    try:
        arrays = store.arrays("images")
    except FileNotFoundError:
        raise ValueError(f"the study {parts[0]!r} came without images; give a model, x and y instead") from None
    if is_bare(manifest):
        raise ValueError(f"the study {parts[0]!r} came without images; fill them in: tla fill {parts[0]}")
    attack = manifest.get("study", {}).get("attack", {})
    images = LabImages(
        torch.from_numpy(arrays["test"].astype(np.float32) / 255),
        torch.from_numpy(arrays["test_y"].astype(np.int64)),
        np.asarray(arrays["test_id"], np.int64),
        tuple(str(one) for one in manifest.get("data", {}).get("classes", ())),
    )
    model = load_model(file).model.requires_grad_(False)
    return LabSubject(model, images, str(attack.get("norm", "linf")), float(attack.get("eps", 8 / 255)))


def given_lab(model: Any, x: Any, y: Any, classes: Sequence[str], ids: Sequence[int] | None) -> LabSubject:
    """A module and images of one's own.

    Raises:
        ValueError: without images, for images outside [0, 1], or numbers that do not fit together.
    """
    import torch

    from tla.models import as_classifier

    if x is None or y is None:
        raise ValueError("give the images x and their classes y with the model, or a model of a study as 'digits:tla'")
    x, y = torch.as_tensor(x), torch.as_tensor(y).long()
    if x.dtype == torch.uint8:
        x = x.float() / 255
    if x.ndim != 4 or len(x) != len(y) or not len(x):
        raise ValueError(f"x must be (n, c, h, w) with a class each, got shapes {tuple(x.shape)} and {tuple(y.shape)}")
    if float(x.min()) < 0 or float(x.max()) > 1:
        raise ValueError(f"x must be in [0, 1], got {float(x.min()):g} to {float(x.max()):g}")
    adapted = as_classifier(model, shape=tuple(x.shape[1:])).eval()
    with torch.no_grad():
        count = adapted(x[:1]).logits.shape[1]
    names = tuple(classes) or tuple(str(k) for k in range(count))
    if len(names) != count:
        raise ValueError(f"the model has {count} classes, got {len(names)} names")
    numbers = np.arange(len(x)) if ids is None else np.asarray(ids, np.int64)
    if len(numbers) != len(x):
        raise ValueError(f"ids must be one for each of {len(x)} images, got {len(numbers)}")
    return LabSubject(adapted, LabImages(x.float(), y, numbers, names), "linf", 8 / 255)
