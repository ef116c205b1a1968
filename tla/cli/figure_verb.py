"""`tla figure NAME STUDY`: one figure, as a file."""

from pathlib import Path

from tla.study.locate import locate

USAGE = """\
usage: tla figure NAME STUDY [--out FILE.html|.png|.svg|.json|.csv] [--dark]

Draws one figure of a study. NAME: {names}
STUDY: a study folder, or the name of one under studies/ or among those that ship.
"""


def run(words: list[str]) -> int:
    """Run `tla figure`."""
    from tla.plots import FIGURES

    rest = [word for word in words if word != "--dark"]
    out = None
    if "--out" in rest:
        place = rest.index("--out")
        if place + 1 == len(rest):
            raise ValueError("--out needs a file name")
        out = Path(rest[place + 1])
        rest = rest[:place] + rest[place + 2 :]
    if len(rest) != 2 or {"-h", "--help"} & set(words):
        print(USAGE.format(names=", ".join(FIGURES.names())))
        return 0 if {"-h", "--help"} & set(words) else 2
    name, study = rest
    FIGURES.get(name)
    from tla.plots.export import save
    from tla.plots.from_store import draw

    figure = draw(name, locate(study), dark="--dark" in words)
    path = save(figure, out or Path(f"{name}.html"))
    print(f"Figure: {path.resolve()}")
    return 0
