"""`tla export atlas|fiftyone STUDY`: a study's points for other explorers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tla.cli.help import summary
from tla.study.locate import open_study


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The points of one method for Embedding Atlas (millions of points) or FiftyOne: clean and adversarial images.

    Args:
        to: "atlas" writes a parquet file; "fiftyone" makes a dataset, where that package is installed.
        study: A study folder, or the name of one under studies/ or among those that ship.
        out: The parquet file (atlas), or the folder of the pictures (fiftyone); by default named STUDY-METHOD.
        method: By default tla, or else the last.
        projection: Which map, by default umap.
        seed: Training seed, by default the smallest.
        name: Of the FiftyOne dataset, by default STUDY-METHOD.
    """

    to: Annotated[tyro.conf.Positional[Literal["atlas", "fiftyone"]], tyro.conf.arg(metavar="atlas|fiftyone")]
    study: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="STUDY")]
    out: Path | None = None
    method: str | None = None
    projection: str | None = None
    seed: int | None = None
    name: str = ""


def run(words: list[str]) -> int:
    """Run `tla export`."""
    from tla.progress import ProgressBar
    from tla.widgets.exported import atlas_command, point_table, write_atlas, write_fiftyone

    options = tyro.cli(ExportOptions, args=words, prog="tla export", description=summary(ExportOptions, ""))
    store = open_study(options.study)
    which = {"method": options.method, "projection": options.projection, "seed": options.seed}
    name = options.name or f"{store.path.name}-{point_table(store, **which)['method'].iloc[0]}"
    if options.to == "atlas":
        with ProgressBar() as bar:
            path = write_atlas(store, options.out or Path(f"{name}.parquet"), progress=bar, **which)
        print(f"Atlas: {path.resolve()} ({path.stat().st_size / 1e6:.1f} MB)\nOpen it: {atlas_command(path)}")
        return 0
    with ProgressBar() as bar:
        count = write_fiftyone(store, name, options.out or Path(name), progress=bar, **which)
    print(f"FiftyOne: dataset {name} with {count} samples\nOpen it: fiftyone app launch {name}")
    return 0
