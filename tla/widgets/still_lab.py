"""Still pictures of an attack on one image, and of a triplet."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.drawing.pictures import as_bytes
from tla.plots.drawing.theme import LIGHT_SHADES
from tla.plots.triplet_drawn import ROLES
from tla.widgets.filming import Film, noise
from tla.widgets.stills import GRID, SOFT, Still

SIDE, GAP, TOP = 150, 24, 44


def still_lab(
    film: Film, clean: np.ndarray, true_class: int, classes: Sequence[str], eps: float | int, verdict: str
) -> bytes:
    """Clean image, noise and result with their predictions, as a PNG.

    Args:
        film: The attack.
        clean: Shape (c, h, w), in [0, 1].
        true_class: Of the image.
        classes: Names of the classes.
        eps: Change that the noise picture shows as black or white.
        verdict: The line above.
    """
    still = Still(3 * SIDE + 4 * GAP, SIDE + TOP + 44)
    still.text(GAP, 12, verdict, size=13)
    adversarial = film.result.adversarial[0].float().cpu().numpy()
    shown = [
        (clean, _caption("clean", film.before, classes), true_class == int(film.before.argmax())),
        (noise(clean, adversarial, max(eps, 1 / 255)), f"noise, \u00b1 {radius_text(max(eps, 1 / 255))}", None),
        (adversarial, _caption("attacked", film.after, classes), true_class == int(film.after.argmax())),
    ]
    for k, (image, caption, right) in enumerate(shown):
        left = GAP + k * (SIDE + GAP)
        if right is not None:
            tone = LIGHT_SHADES.right if right else LIGHT_SHADES.wrong
            still.bar(left - 3, TOP - 3, left + SIDE + 3, TOP + SIDE + 3, tone)
        still.picture(as_bytes(image), left, TOP, SIDE)
        still.text(left, TOP + SIDE + 10, caption, size=12, colour=SOFT)
    return still.png()


def still_triplet(state: Mapping[str, Any], reach: float | int, words: str) -> bytes:
    """Anchor, positive and negatives in the plane, as a PNG.

    Args:
        state: anchor, positive, negatives.
        reach: Coordinates are in -reach..reach.
        words: The line above.
    """
    side = 360
    still = Still(side + 2 * GAP, side + TOP + GAP)
    still.text(GAP, 12, words, size=13)
    still.box(GAP, TOP, side, side)

    def place(point: Any) -> tuple[float, float]:
        x, y = (float(value) for value in point)
        return GAP + (x + reach) / (2 * reach) * side, TOP + (reach - y) / (2 * reach) * side

    still.line([place((-reach, 0)), place((reach, 0))], GRID)
    still.line([place((0, -reach)), place((0, reach))], GRID)
    colours = {role: LIGHT_SHADES.ten[colour] for role, _, colour in ROLES}
    symbols = {"anchor": "diamond", "positive": "circle", "negative": "square"}
    points = [("anchor", state["anchor"]), ("positive", state["positive"])]
    points += [("negative", one) for one in state["negatives"]]
    for role, point in points:
        x, y = place(point)
        still.line([place((0, 0)), (x, y)], colours[role])
        still.symbol(symbols[role], x, y, 7, colours[role])
        still.text(x + 10, y, role, size=12, anchor="lm")
    return still.png()


def _caption(name: str, likely: np.ndarray, classes: Sequence[str]) -> str:
    best = int(likely.argmax())
    words = classes[best] if len(classes[best]) <= 16 else f"{classes[best][:15]}\u2026"
    return f"{name}: {words} ({100 * float(likely[best]):.0f} %)"
