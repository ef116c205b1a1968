"""What the tour's scenes say of the study that they show: counted in it, never promised."""

from board.selection.shared import Frame, main_attack, of_run
from board.studies import View
from tla.plots.drawing.theme import method_label
from tla.statistics import wilson


def landings(view: View, methods: list[str], seed: int) -> str:
    """Of how many images the prediction changes, and how many lie nearer the centroid of the false class."""
    rows = main_attack(view, "shift", seed, methods)
    rows = rows.loc[rows["y"] >= 0]
    said = []
    for method, part in _parts(rows, methods):
        changed, nearer = (part["prediction"] != part["y"]).sum(), (part["margin"] < 0).sum()
        said.append(
            f"{method_label(method)} misclassifies {changed} of {len(part)} adversarial images, and {nearer} lie "
            "nearer to a false class than to their own"
        )
    return f"{'; '.join(said)}." if said else ""


def accuracies(view: View, methods: list[str], seed: int) -> str:
    """How many images each model keeps under the main attack, with its interval."""
    if not view.has("attacks"):
        return ""
    said = []
    for method, part in _parts(main_attack(view, "attacks", seed, methods), methods):
        share = wilson(int((part["prediction"] == part["y"]).sum()), len(part))
        said.append(f"{method_label(method)} {share.value:.0%} [{100 * share.low:.0f}, {100 * share.high:.0f}]")
    n = len(view.ids)
    return f"Right under {view.under}, with the 95 % interval over the {n} images: {', '.join(said)}." if said else ""


def kept_neighbours(view: View, methods: list[str], seed: int, sample: int) -> str:
    """How many of the neighbours of an adversarial query are still of its class."""
    rows = of_run(view.table("neighbours"), seed, methods)
    rows = rows.loc[(rows["id"] == sample) & (rows["kind"] == "adversarial")]
    said = [
        f"{int((part['neighbour_y'] == part['y']).sum())} of {len(part)} for {method_label(method)}"
        for method, part in _parts(rows, methods)
    ]
    if not said or view.true_class(sample) < 0:
        return ""
    name = view.class_name(view.true_class(sample))
    return view.said(
        f"nearest training images of the adversarial query that are of its class, {name}: {', '.join(said)}."
    )


def _parts(rows: Frame, methods: list[str]) -> list[tuple[str, Frame]]:
    parts = ((method, rows.loc[rows["method"] == method]) for method in methods)
    return [(method, part) for method, part in parts if len(part)]
