"""An adversarial example: the image, the noise, their sum, and what the model says before and after."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, figure
from tla.plots.drawing.draw import models_of
from tla.plots.drawing.picture_grid import add_picture, label
from tla.plots.drawing.pictures import Pictures, as_bytes
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, TIMES, Look, attack_label, methods_of
from tla.statistics.accuracy import at_eps
from tla.store import Store


def fooled_image(store: Store) -> dict[str, Any]:
    """The first image on which the attack fools a model of the study, as arguments of the figure.

    Raises:
        FileNotFoundError: if the study stores no such adversarial image.
    """
    attacks, models = store.table("attacks"), models_of(store)
    rows = first_seed(at_eps(attacks))
    for method in methods_of(rows["method"]):
        model = f"{method}-seed{rows['seed'].iloc[0]}"
        part = rows[(rows["method"] == method) & rows["attack"].isin(["pgd", rows["attack"].iloc[-1]])]
        part = part[(part["clean_prediction"] == part["y"]) & part["success"]].sort_values("attack", ascending=False)
        pictures = Pictures.of(store, (model,) if model in models else ())
        for row in part.itertuples():
            index = int(row.id)  # pyright: ignore[reportArgumentType]
            if index in pictures.test and index in pictures.adversarial.get(model, {}):
                return {
                    "clean": pictures.test[index], "adversarial": pictures.adversarial[model][index], "y": int(row.y),
                    "prediction": (int(row.clean_prediction), int(row.prediction)),
                    "name": f"{LIGHT.methods([method])[method].label} under {attack_label(str(row.attack))}",
                }  # pyright: ignore[reportArgumentType]  # fmt: skip
    raise FileNotFoundError(f"{store.path} stores no adversarial image that fools a model")


@figure("attack_triptych", example=fooled_image)
def attack_triptych(
    clean: np.ndarray,
    adversarial: np.ndarray,
    before: Sequence[float] | np.ndarray = (),
    after: Sequence[float] | np.ndarray = (),
    *,
    look: Look = LIGHT,
    y: int | None = None,
    prediction: tuple[int, int] | None = None,
    name: str = "",
) -> Figure:
    """Image + magnified noise = adversarial image, with the class probabilities before and after.

    Args:
        clean: Pixels, shape (c, h, w): uint8, or float in 0..1.
        adversarial: The same image after the attack.
        before: Probability of each class for the clean image; without it there are no bars.
        after: Probability of each class for the adversarial image.
        look: Theme, width, source.
        y: The true class.
        prediction: Predicted class before and after; by default the most probable ones.
        name: Model and attack, for the title.
    """
    bars = len(before) > 0 and len(after) > 0
    if prediction is None and bars:
        prediction = (int(np.argmax(before)), int(np.argmax(after)))
    noise = _unit(adversarial) - _unit(clean)
    largest = float(np.abs(noise).max())
    wide = look.width >= 900
    sheet = Sheet(
        look, 2 if bars else 1, least=420, height=250 if wide else 200, left=48, foot=44 if bars else 6, head=8
    )
    panel = sheet.panels[0]
    _pictures(sheet, panel, [_unit(clean), 0.5 + 0.5 * noise / (largest or 1), _unit(adversarial)])
    factor = "" if not largest else f" {TIMES} {0.5 / largest:.{0 if largest <= 0.25 else 1}f}"
    names = ["?", "?"] if prediction is None else [look.class_name(k) for k in prediction]
    texts = [f"predicted as <b>{names[0]}</b>", f"noise{factor}", f"predicted as <b>{names[1]}</b>"]
    for x, text in zip((0, 1.35, 2.7), texts, strict=True):
        sheet.annotations.append(label(panel, text, x, 0.62, look.shades.ink, yanchor="top", font={"size": 14}))
    if bars:
        _probabilities(sheet, sheet.panels[1], np.asarray(before, float), np.asarray(after, float))
    true = f"class {look.class_name(y)}" if y is not None else "an image"
    flips = prediction is not None and prediction[0] != prediction[1]
    what = f"{true} becomes {names[1]}" if flips else f"{true} stays {names[1]}" if prediction else f"{true}, attacked"
    where = f"{name}: " if name else ""
    return sheet.figure(
        f"{where}{what} with noise of at most {radius_text(largest)} per pixel",
        "Pixels in [0, 1]; the noise is magnified around grey.",
        layout={"barmode": "group", "bargap": 0.25},
    )


def _unit(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    return image.astype(np.float64) / 255 if image.dtype == np.uint8 else image.astype(np.float64)


def _pictures(sheet: Sheet, panel: Panel, images: list[np.ndarray]) -> None:
    sheet.blank(panel, (-0.55, 3.25), (0.95, -0.55))
    x, y = (f"{axis[0]}axis{axis[1:]}" for axis in (panel.x, panel.y))
    sheet.axes[x] |= {
        "showline": False,
        "mirror": False,
        "fixedrange": True,
        "scaleanchor": panel.y,
        "constrain": "domain",
    }
    sheet.axes[y] |= {"showline": False, "mirror": False, "fixedrange": True, "constrain": "domain"}
    for place_x, image in zip((0, 1.35, 2.7), images, strict=True):
        add_picture(sheet, panel, as_bytes_chw(image), place_x, 0, size=1.0)
    for place_x, sign in ((0.675, "+"), (2.025, "=")):
        sheet.annotations.append(label(panel, sign, place_x, 0, sheet.look.shades.soft, font={"size": 26}))
    sheet.add(panel, {"type": "scatter", "mode": "markers", "name": "frame", "x": [0], "y": [0], "hoverinfo": "skip",
                      "marker": {"opacity": 0, "color": "#808080"}})  # fmt: skip


def as_bytes_chw(image: np.ndarray) -> np.ndarray:
    """Pixels as uint8, channels first."""
    pixels = as_bytes(image)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _probabilities(sheet: Sheet, panel: Panel, before: np.ndarray, after: np.ndarray) -> None:
    look = sheet.look
    shown = np.sort(np.argsort(-np.maximum(before, after), kind="stable")[:10])
    names = [look.class_name(int(k)) for k in shown]
    for name, values, colour, pattern in (
        ("before", before, look.shades.right, ""),
        ("after", after, look.shades.wrong, "/"),
    ):
        marker = {"color": colour, "line": {"width": 0}, "pattern": {"shape": pattern, "size": 5, "solidity": 0.35}}
        trace = {"type": "bar", "name": f"{name} the attack", "x": names, "y": 100 * values[shown], "marker": marker}
        sheet.add(panel, trace | {"hovertemplate": f"%{{x}} {name}: %{{y:.1f}} %<extra></extra>"}, key=name)
    sheet.axis(panel, {"title": "class", "type": "category"}, {"title": "probability (%)", "range": [0, 104]})
