"""`tla explore STUDY`: an explorer of a study in one file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from tla.cli.help import summary
from tla.study.locate import open_study


@dataclass(frozen=True, kw_only=True)
class ExploreOptions:
    """Maps, pictures, neighbours, paths and a threshold of a study in one HTML file, to open without a network.

    Args:
        study: A study folder, or the name of one under studies/ or among those that ship.
        out: Output file, ends in .html.
        methods: Methods whose maps are shown first, all of them can be shown later.
        projection: Which map, by default umap.
        seed: Training seed, by default the smallest.
        focus: Id of the image that is shown first.
    """

    study: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="STUDY")]
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("explorer.html")
    methods: tuple[str, ...] = ()
    projection: str | None = None
    seed: int | None = None
    focus: int | None = None


def run(words: list[str]) -> int:
    """Run `tla explore`."""
    from tla.progress import ProgressBar
    from tla.widgets.study_page import save_study

    options = tyro.cli(ExploreOptions, args=words, prog="tla explore", description=summary(ExploreOptions, ""))
    store = open_study(options.study)
    with ProgressBar() as bar:
        path = save_study(
            store,
            options.out,
            methods=options.methods,
            projection=options.projection,
            seed=options.seed,
            focus=options.focus,
            progress=bar,
        )
    print(f"Explorer: {path.resolve()} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
