"""Draw every figure of a study for the documentation: docs/gallery/README.md and its pictures.

    python docs/make_gallery.py                 the shipped digits study: docs/gallery
    python docs/make_gallery.py STUDY NAME      another study, only the poster's figures: docs/gallery/NAME

The figure of a benchmark is drawn from its measured table (`MEASURED`), that of a sweep from the shipped sweep
(`ELSEWHERE`). A figure whose table the study lacks is left out with a message.
"""

import inspect
import sys
from pathlib import Path

import pandas as pd

from tla.messages import radius_text
from tla.plots import FIGURES, Look, draw
from tla.plots.drawing.export import save
from tla.store import Store
from tla.study.locate import open_study, shipped_studies

FOLDER = Path(__file__).parent / "gallery"
MEASURED = {"strength": (Path(__file__).parent / "strength.csv", "python benchmarks/strength.py --figure strength.png")}
"""Figures of benchmarks: the table, and the command that measures and draws it."""

ELSEWHERE = {"ablation": "digits-pool"}
"""Figures drawn from other shipped studies."""

POSTER = (
    "poster", "one_class", "two_classes", "shift_arrows", "shift_measures", "accuracy_bars", "accuracy_table",
    "differences", "roc", "neighbour_rows", "purity_curves", "trajectory", "transfer_matrix", "learning_curves",
)  # fmt: skip
"""Figures drawn from a study with its own gallery."""


def main() -> None:
    """Draw everything in the light theme, 1200 pixels wide."""
    if len(sys.argv) not in (1, 3):
        raise SystemExit(__doc__)
    own = len(sys.argv) == 3
    store = open_study(sys.argv[1]) if own else open_study(shipped_studies() / "digits")
    folder = FOLDER / sys.argv[2] if own else FOLDER
    folder.mkdir(exist_ok=True)
    name = sys.argv[2] if own else str(store.manifest()["study"]["name"])
    lines = ["# Gallery", "", *(_about(store) if own else _contents(name)), ""]
    for figure, eps in _wanted(store) if own else ((figure, None) for figure in FIGURES.names()):
        study = ELSEWHERE.get(figure, name)
        command, picture = f"tla figure {figure} {study}", f"{figure}.png"
        if eps is not None:
            command, picture = f"{command} --set eps={radius_text(eps)}", f"{figure}_{round(1e4 * eps)}.png"
        try:
            if figure in ELSEWHERE and not own:
                drawn = draw(figure, open_study(shipped_studies() / study))
            elif figure in MEASURED:
                file, command = MEASURED[figure]
                drawn = FIGURES.get(figure)(pd.read_csv(file), look=Look(width=1200))
            else:
                drawn = draw(figure, store, **({} if eps is None else {"eps": eps}))
        except FileNotFoundError as missing:
            print(f"{figure}: left out: {missing}")
            continue
        save(drawn, folder / picture, width=1200, scale=1)
        sentence = (inspect.getdoc(FIGURES.get(figure)) or "").split("\n")[0]
        head = figure if eps is None else f"{figure} at eps {radius_text(eps)}"
        lines += [f"## {head}", "", sentence, "", f"`{command}`", "", f"![{sentence}]({picture})", ""]
        print(f"{head}: {(folder / picture).stat().st_size / 1e3:.0f} kB")
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _wanted(store: Store) -> list[tuple[str, float | None]]:
    """The poster's figures; the ROC curves at every radius of detection, last the largest, which is the default."""
    wanted: list[tuple[str, float | None]] = [(figure, None) for figure in POSTER]
    radii = sorted(store.table("detection")["eps"].astype(float).unique())[:-1] if store.has_table("detection") else []
    at = POSTER.index("roc")
    return [*wanted[:at], *(("roc", float(eps)) for eps in radii), *wanted[at:]]


def _about(store: Store) -> list[str]:
    study = store.manifest()["study"]
    return [f"The figures of the poster, drawn from `tla study {study['name']}`: {study['caption'].rstrip('.')}."]


def _contents(name: str) -> list[str]:
    more = ", ".join(
        f"[{path.parent.name}]({path.parent.name}/README.md)" for path in sorted(FOLDER.glob("*/README.md"))
    )
    return [
        f"Every figure, drawn from the study `{name}` by `make gallery`.",
        *([f"The poster's figures of other studies: {more}."] if more else []),
    ]


if __name__ == "__main__":
    main()
