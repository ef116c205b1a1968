"""Outputs of any layer, not only the last, without leaving a hook behind."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from tla.models.network.calling import on_copy
from tla.models.network.layers import listening
from tla.models.network.mode import evaluating
from tla.representation.cka import MIN_IMAGES, Similarity, cka_interval
from tla.representation.embedding import Pixels, batches, device_of
from tla.types import Model

MAX_VALUES = MOST_VALUES = 2**27
"""Numbers in memory for a group of layers, and for a single one."""
MOST_GROUPS = 4
"""How often the network is run for `layer_frame`, if that leaves `LEAST` images."""
LEAST = 48
UNKNOWN = Similarity(math.nan, math.nan, math.nan)
PASSIVE = (nn.Dropout, nn.Identity, nn.Flatten)


def layer_names(model: Model, x: Pixels) -> tuple[str, ...]:
    """Names of the innermost modules in the order of their first calls, without those that change nothing.

    Modules that do not return a row of numbers for each image are left out: windows of a transformer, sizes and
    constants of a converted graph.

    Args:
        model: Any module; left as it was.
        x: Images, at least one; only the first is used.
    """
    leaves = [name for name, module in model.named_modules() if name and not any(module.children())]
    last: dict[str, bool] = {}

    def note(name: str, _: Tensor, output: Tensor) -> None:
        last[name] = output.ndim > 1 and len(output) == 2 and output.is_floating_point()

    with evaluating(model), torch.inference_mode(), listening(model, leaves, note):
        on_copy(model, next(batches(torch.cat([x[:1], x[:1]]), 2, device_of(model))))
    modules = dict(model.named_modules())
    return tuple(name for name, rows in last.items() if rows and not isinstance(modules[name], PASSIVE))


def capture_layers(model: Model, x: Pixels, layers: Sequence[str], batch: int = 512) -> dict[str, Float[Tensor, "n d"]]:
    """Flattened outputs of layers, float32, on the device of x.

    If a module is called several times in one pass, its last output is taken.

    Args:
        model: Any module; mode, gradients and hooks are left as they were.
        x: Images, shape (n, ...), n >= 1.
        layers: Names of modules, as in `model.named_modules()`.
        batch: Images per forward pass.

    Raises:
        ValueError: for an unknown name, a module that returns no tensor, or no images.
    """
    if not len(x):
        raise ValueError("x must hold at least one image, got none")
    captured: dict[str, Tensor] = {}
    done = 0

    def capture(name: str, _: Tensor, output: Tensor) -> None:
        flat = output.detach().flatten(1)
        if name not in captured:
            captured[name] = torch.empty(len(x), flat.shape[1], device=x.device)
        captured[name][done : done + len(flat)] = flat

    with evaluating(model), torch.no_grad(), listening(model, layers, capture):
        for images in batches(x, batch, device_of(model)):
            on_copy(model, images)
            done += len(images)
    missing = [name for name in layers if name not in captured]
    if missing:
        raise ValueError(f"layers {', '.join(missing)} returned no tensor in the forward pass; choose others")
    return {name: captured[name] for name in layers}


def layer_frame(
    model: Model,
    clean: Pixels,
    adversarial: Pixels,
    layers: Sequence[str] | None = None,
    batch: int = 512,
    *,
    wrong: Bool[Tensor, " n"] | None = None,
) -> pd.DataFrame:
    """The `layers` table of one model and one attack: debiased linear CKA of clean against attacked images.

    Layers are captured in groups, so that the features in memory stay below 512 MiB. A layer whose features of all
    images would not fit is measured on as many of them, evenly spaced, as fit; a network that would need more than four
    such groups on as many as four groups hold, but at least 48.

    Args:
        model: Any module; left as it was.
        clean: Images, shape (n, ...), n >= 4; 2000 or more for stable numbers.
        adversarial: The same images under attack.
        layers: Names of modules; by default all innermost ones in the order of their calls.
        batch: Images per forward pass.
        wrong: True where the attacked image is misclassified, shape (n,): adds rows for each group.

    Returns:
        Columns layer, depth (0, 1, ...), cka, low, high (95 %, jackknife). The zero point is 1: nothing changed. With
        `wrong` also group ("all", "correct", "misclassified") and n; NaN for a group of fewer than four images.

    Raises:
        ValueError: for unknown layers, or fewer than four pairs of images.
    """
    if len(clean) != len(adversarial):
        raise ValueError(f"clean and adversarial must be pairs, got {len(clean)} and {len(adversarial)} images")
    names = layer_names(model, clean) if layers is None else tuple(layers)
    widths = _widths(model, clean, names) if names else {}
    if names and wrong is None:
        kept = _held(len(clean), widths)
        clean, adversarial = clean[kept], adversarial[kept]
    groups = {"all": slice(None)} if wrong is None else {"all": slice(None), "correct": ~wrong, "misclassified": wrong}
    rows = []
    for together in _groups(len(clean), widths):
        some = _fitting(len(clean), sum(widths[name] for name in together))
        pairs = (clean, adversarial) if some is None else (clean[some], adversarial[some])
        before, after = (capture_layers(model, x, together, batch) for x in pairs)
        for name in together:
            u, v = before.pop(name), after.pop(name)
            for group, every in groups.items():
                mask = every if some is None or isinstance(every, slice) else every[some]
                cka = cka_interval(u[mask], v[mask]) if len(u[mask]) >= MIN_IMAGES or wrong is None else UNKNOWN
                rows.append((name, names.index(name), group, len(u[mask]), *cka))
    frame = pd.DataFrame(rows, columns=["layer", "depth", "group", "n", "cka", "low", "high"])
    return frame.drop(columns=["group", "n"]) if wrong is None else frame


def _widths(model: Model, x: Pixels, names: Sequence[str]) -> dict[str, int]:
    """How many features each layer has."""
    return {name: features.shape[1] for name, features in capture_layers(model, x[:1], names).items()}


def _held(n: int, widths: dict[str, int]) -> Int[Tensor, " m"]:
    """Evenly spaced images of n whose features of all layers fit into `MOST_GROUPS` groups."""
    count = min(n, max(LEAST, MOST_GROUPS * MAX_VALUES // (2 * sum(widths.values()))))
    return torch.linspace(0, n - 1, count).round().long()


def _fitting(n: int, width: int) -> Int[Tensor, " m"] | None:
    """Evenly spaced images of n whose features fit into MOST_VALUES numbers; None if those of all images do."""
    count = max(MIN_IMAGES, MOST_VALUES // (2 * width))
    return None if count >= n else torch.linspace(0, n - 1, count).round().long()


def _groups(n: int, widths: dict[str, int]) -> Iterator[tuple[str, ...]]:
    """Consecutive layers whose features of all n images, clean and attacked, fit into MAX_VALUES numbers."""
    group: list[str] = []
    for name in widths:
        if group and 2 * n * sum(widths[other] for other in (*group, name)) > MAX_VALUES:
            yield tuple(group)
            group = []
        group.append(name)
    if group:
        yield tuple(group)
