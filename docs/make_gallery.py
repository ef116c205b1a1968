"""Draws every figure of a study for the documentation: docs/gallery/README.md and its pictures.

    python docs/make_gallery.py [STUDY]

The study is the digits study that ships, unless another is named. A figure of a benchmark is drawn from the table that
was measured (`MEASURED`). A figure whose table the study lacks is left out, and said so.
"""

import inspect
import sys
from pathlib import Path

import pandas as pd

from tla.plots import FIGURES, Look, draw
from tla.plots.export import save
from tla.study.locate import locate, shipped_studies

FOLDER = Path(__file__).parent / "gallery"
MEASURED = {"strength": (Path(__file__).parent / "strength.csv", "python benchmarks/strength.py --figure strength.png")}
"""Figures of benchmarks: the table, and the command that measures and draws it."""


def main() -> None:
    """Draw everything, light, 1000 pixels wide."""
    store = locate(sys.argv[1]) if len(sys.argv) > 1 else locate(shipped_studies() / "digits")
    FOLDER.mkdir(exist_ok=True)
    name = store.manifest()["study"]["name"]
    lines = ["# Gallery", "", f"Every figure, drawn from the study `{name}` by `make gallery`.", ""]
    for figure in FIGURES.names():
        command = f"tla figure {figure} {name}"
        try:
            if figure in MEASURED:
                file, command = MEASURED[figure]
                drawn = FIGURES.get(figure)(pd.read_csv(file), look=Look(width=1200))
            else:
                drawn = draw(figure, store)
        except FileNotFoundError as missing:
            print(f"{figure}: left out: {missing}")
            continue
        save(drawn, FOLDER / f"{figure}.png", width=1200, scale=1)
        sentence = (inspect.getdoc(FIGURES.get(figure)) or "").split("\n")[0]
        lines += [
            f"## {figure}",
            "",
            sentence,
            "",
            f"`{command}`",
            "",
            f"![{sentence}]({figure}.png)",
            "",
        ]
        print(f"{figure}: {(FOLDER / f'{figure}.png').stat().st_size / 1e3:.0f} kB")
    (FOLDER / "README.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
