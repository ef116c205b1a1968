"""One photo under attack: what a network sees before and after."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from tla.attacks import ATTACKS, Attack, Targeted, Untargeted
from tla.data.loading.picture import PictureFormat, read_picture
from tla.messages import did_you_mean
from tla.models import GivenModel, as_classifier
from tla.models.network.mode import evaluating
from tla.seeding import generator
from tla.threat import Threat

if TYPE_CHECKING:
    from tla.plots.base import Figure
    from tla.plots.drawing.theme import Look


@dataclass(frozen=True, kw_only=True)
class PhotoAttack:
    """A photo, the photo after the attack, and what the network says of both.

    Attributes:
        clean: Pixels in 0..1, shape (c, h, w).
        adversarial: The same after the attack.
        before: Probability of each class for the clean photo, shape (k,).
        after: Probability of each class for the adversarial photo, shape (k,).
        classes: Names of the classes.
        success: True if the goal was reached.
        distance: Distance between the two in the norm of the threat.
        threat: Norm and radius.
    """

    clean: Tensor
    adversarial: Tensor
    before: Tensor
    after: Tensor
    classes: tuple[str, ...]
    success: bool
    distance: float
    threat: Threat

    def top(self, count: int = 5) -> pd.DataFrame:
        """The most probable classes before and after: columns `rank`, `before`, `p_before`, `after`, `p_after`."""
        order = [values.argsort(descending=True)[:count] for values in (self.before, self.after)]
        return pd.DataFrame({
            "rank": np.arange(1, len(order[0]) + 1),
            "before": [self.classes[int(k)] for k in order[0]],
            "p_before": self.before[order[0]].numpy(),
            "after": [self.classes[int(k)] for k in order[1]],
            "p_after": self.after[order[1]].numpy(),
        })  # fmt: skip

    def figure(self, look: "Look | None" = None) -> "Figure":
        """Photo, magnified noise and attacked photo, with the first five classes before and after.

        Args:
            look: Theme and width; the names of the classes are filled in.
        """
        from dataclasses import replace

        from tla.plots import FIGURES
        from tla.plots.drawing.theme import LIGHT

        first = [values.argsort(descending=True)[:5] for values in (self.before, self.after)]
        shown = torch.cat(first).unique().numpy()
        named = replace(look or LIGHT, classes=tuple(self.classes[int(k)] for k in shown))
        return FIGURES.get("attack_triptych")(
            self.clean.numpy(), self.adversarial.numpy(), self.before.numpy()[shown], self.after.numpy()[shown],
            look=named,
        )  # fmt: skip


def attack_photo(
    model: nn.Module | str | GivenModel,
    photo: Any,
    *,
    target: str | int | None = None,
    classes: Sequence[str] | None = None,
    threat: Threat | None = None,
    attack: Attack | None = None,
    size: int | None = None,
    seed: int = 0,
) -> PhotoAttack:
    """Attack one photo of any size: away from what the network says of it, or into a class of your choice.

    Args:
        model: A network as in `tla.examine`: a torch module, a text ("torchvision:resnet18"), or a `GivenModel`.
        photo: A file, a Pillow image, or pixels of shape (c, h, w) or (h, w, c), bytes or in 0..1.
        target: The class to reach, by name or number; None for any other than the predicted one.
        classes: Names of the classes; by default numbers.
        threat: Norm and radius in pixel units; by default linf 4/255.
        attack: Its search; by default PGD with 40 steps.
        size: Shorter side in pixels to which the photo is brought, cropped to the central square; by default it keeps
            its size, for a network that takes any.
        seed: Seed of the attack.

    Raises:
        ValueError: for a photo that cannot be read or that the network refuses, or an unknown target.
    """
    x = _photo(photo, size)
    network = _network(model, tuple(x.shape[1:]))
    threat, search = threat or Threat("linf", 4 / 255), attack or ATTACKS.build("pgd", steps=40)
    with evaluating(network):
        before = _probabilities(network, x)
        names = _names(classes, before)
        goal = Untargeted(before.argmax()[None]) if target is None else Targeted(torch.tensor([_number(target, names)]))
        result = search(network, x, goal, threat, generator=generator(seed, "photo"))
        after = _probabilities(network, result.adversarial)
    return PhotoAttack(
        clean=x[0],
        adversarial=result.adversarial[0],
        before=before,
        after=after,
        classes=names,
        success=bool(result.success[0]),
        distance=float(result.distance[0]),
        threat=threat,
    )


def _photo(photo: Any, size: int | None) -> Tensor:
    """Pixels in 0..1, shape (1, c, h, w)."""
    form = PictureFormat(resize=size)
    if isinstance(photo, str | Path):
        if not Path(photo).expanduser().is_file():
            raise ValueError(f"photo: no file {photo}")
        try:
            pixels: Any = read_picture(str(Path(photo).expanduser()), form)
        except (OSError, ValueError) as error:
            raise ValueError(f"photo: {photo} cannot be read as a picture: {error}") from None
    elif hasattr(photo, "convert"):
        from tla.data.loading.picture import to_pixels

        pixels = to_pixels(photo, form)
    else:
        pixels = photo
        if size is not None:
            raise ValueError("photo: size is for pictures; resize an array yourself")
    from tla.data import images_from

    array = pixels.detach().cpu() if isinstance(pixels, Tensor) else torch.from_numpy(np.array(pixels))
    if array.ndim not in (2, 3):
        raise ValueError(f"photo: pixels must have shape (c, h, w) or (h, w, c), got {tuple(array.shape)}")
    return images_from(array[None], [0]).floats()


def _network(model: Any, shape: tuple[int, ...]) -> nn.Module:
    if isinstance(model, nn.Module):
        return as_classifier(model, shape=shape)
    from tla.study.find_model import find_model

    return find_model(model, shape=shape).model


def _probabilities(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network(x).logits[0].float().softmax(0).cpu()


def _names(classes: Sequence[str] | None, probabilities: Tensor) -> tuple[str, ...]:
    names = tuple(map(str, range(len(probabilities)))) if classes is None else tuple(map(str, classes))
    if len(names) != len(probabilities):
        raise ValueError(f"classes must name the network's {len(probabilities)} classes, got {len(names)}")
    return names


def _number(target: str | int, names: tuple[str, ...]) -> int:
    if isinstance(target, int):
        if not 0 <= target < len(names):
            raise ValueError(f"target must be in 0..{len(names) - 1}, got {target}")
        return target
    exact = [number for number, name in enumerate(names) if name.casefold() == target.casefold()]
    if not exact:
        close = difflib.get_close_matches(target, names, n=5, cutoff=0.5)
        raise ValueError(f"target: no class {target!r}; {did_you_mean(target, close or names[:20])}")
    return exact[0]
