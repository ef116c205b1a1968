"""One image at growing eps for two models, with a slider that runs in the browser."""

from typing import Any

import numpy as np

from board import shell
from board.charts import look
from board.component import load_component
from board.pictures import uri
from board.selection.radii import Radius, radii_of
from board.selection.shared import of_run
from board.studies import View
from board.tiles import Tile
from tla.messages import radius_text

POINTS = 500
"""Most points of the map behind the dot."""
PICTURE, SMALL = 96, 40
_component = load_component("radii")


def radii(view: View, methods: list[str], seed: int, sample: int, *, key: str) -> None:
    """Show an image attacked at growing eps: picture, place on the map and neighbours, for each model.

    Args:
        view: A study with the tables of that name.
        methods: Whose models, one or two.
        seed: Training seed.
        sample: Id of one of `shown_ids`.
        key: Unique name.
    """
    found = {method: radii_of(view, method, seed, sample) for method in methods}
    first = found[methods[0]]
    data = {
        "id": sample,
        "labels": [radius_text(step.eps, view.eps) for step in first],
        "at": 0,
        "size": SMALL,
        "colours": [look(view).class_colour(index) for index in range(len(view.classes))],
        "sentences": [sentence(view, found, at) for at in range(len(first))],
        "panels": [_panel(view, method, seed, sample, steps) for method, steps in found.items()],
        "legend": "Dots: clean test images in the colour of their class. Large dot: this image, in the colour of the "
        "class that the model predicts, placed between the images that its representation is nearest to. "
        f"{view.table('radii')['attack'].iloc[0]} at every eps; the other pages show the image that {view.under} gave, "
        "which can have other neighbours.",
    }
    _component(key=key, data=data)


def sentence(view: View, found: dict[str, list[Radius]], at: int) -> str:
    """What the models say at one radius."""
    true = view.class_name(next(iter(found.values()))[at].y)
    said = []
    for method, steps in found.items():
        step = steps[at]
        still = "says" if at == 0 else "still says"
        said.append(f"{shell.label(method)} {still if step.right else 'says'} {view.class_name(step.prediction)}")
    eps = next(iter(found.values()))[at].eps
    if at == 0:
        return f"A {true}, untouched: {' and '.join(said)}. Move the slider."
    change = (
        f"every pixel changed by at most {radius_text(eps, view.eps)}"
        if view.norm == "linf"
        else f"changed by at most {radius_text(eps, view.eps)} in {view.norm.upper()}"
    )
    return f"The same {true}, {change}: {', '.join(said)}."


def _panel(view: View, method: str, seed: int, sample: int, steps: list[Radius]) -> dict[str, Any]:
    maps = of_run(view.table("map"), seed, [method])
    drawn: Any = maps[(maps["projection"] == maps["projection"].iloc[0]) & (maps["kind"] == "clean")]
    drawn = drawn.iloc[:: max(1, -(-len(drawn) // POINTS))]
    ids = list(dict.fromkeys(one for step in steps for one in step.neighbours))
    classes = {one: y for step in steps for one, y in zip(step.neighbours, step.classes, strict=True)}
    pictures = view.gallery_pictures(ids)
    tiles = [_neighbour(view, one, classes[one], steps[0].y, pictures.get(one, [])).plain(SMALL) for one in ids]
    return {
        "label": shell.label(method),
        "known": drawn[["u", "v"]].to_numpy().round(3).tolist(),
        "knownClasses": drawn["y"].tolist(),
        "way": [[round(step.u, 3), round(step.v, 3)] for step in steps],
        "neighbours": tiles,
        "steps": [
            {
                "picture": uri(step.pixels, PICTURE),
                "predicted": step.prediction,
                "right": step.right,
                "says": f"{view.class_name(step.prediction)} ({100 * step.confidence:.0f} %)",
                "words": words(view, step),
                "near": [ids.index(one) for one in step.neighbours],
            }
            for step in steps
        ],
    }


def words(view: View, step: Radius) -> str:
    """How many neighbours are of the true class."""
    right = int(np.count_nonzero(np.array(step.classes) == step.y))
    text = f"{right} of its {len(step.classes)} nearest training images are of class {view.class_name(step.y)}"
    return view.said(text)


def _neighbour(view: View, sample: int, y: int, true: int, images: list[np.ndarray]) -> Tile:
    return Tile(id=sample, images=images, title=view.class_name(y), tone="good" if y == true else "bad")
