"""`tla sweep RECIPE SETTING VALUE ...`: one setting at several values."""

import os
from pathlib import Path
from typing import Any

from tla.cli.settings import (
    overridden,
    refuse_backbone,
    verb_options,
    with_given,
    with_method_settings,
    with_model_and_source,
)
from tla.cli.study_verb import already_done, request_of, workers_of

USAGE = """\
usage: tla sweep RECIPE SETTING VALUE VALUE ... [--methods NAME ...] [--beside NAME ...] [--attacks LABEL ...]
                 [--out FOLDER] [--data FOLDER] [--force] [--any.setting VALUE ...]

Trains a method once per value of one setting (and per seed), attacks every model, and writes the table `ablation`,
its figure and a report. Everything else is as in the recipe; same seeds, same images. Finished steps are skipped: add
values later, or resume after an interruption, with the same command.

  tla sweep digits method.tla.alpha 0.03 0.1 0.3 --seeds 0 1 2     the margin, three trainings each
  tla sweep digits method.tla.lambda_triplet 0 0.5 1 2             the weight of the triplet term
  tla sweep digits method.tla.pool 1 50 250 --method.tla.mining fresh --beside at
                                                                  the negative pool (the paper's figure), with AT
  tla sweep mnist train.attack.steps 1 3 7 --methods at tla        a setting of training, for two methods

RECIPE           a shipped recipe, a file.toml, or folder:PATH
SETTING          method.NAME.SETTING, train.SETTING or model.SETTING
--methods NAME   for train. and model. settings: the methods to vary; by default tla
--beside NAME    methods trained once, unchanged, for comparison
--attacks LABEL  attacks of the recipe's suite; by default cw pgd mim (the paper's figure) if it has them
--out FOLDER     the study folder; studies/<recipe>-<setting> by default
--data FOLDER    where data sets are or are downloaded to
--workers N      train and attack models side by side, each on its share of the cores; auto: as many as pay
--scheduler ADDR the same on the workers of a Dask scheduler, tcp://HOST:8786
--force          start again: run every step, finished or not
"""
LISTS = ("--methods", "--beside", "--attacks")


def run(words: list[str]) -> int:
    """Run `tla sweep`."""
    from tla.study import recipes

    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if words else 2
    count = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    if count < 2:
        raise ValueError("name a setting to sweep and its values: tla sweep digits method.tla.alpha 0.1 0.3")
    recipe, setting, *values = words[:count]
    base = recipes.read(recipe)
    options, rest = verb_options(words[count:])
    plain, rest = with_method_settings(with_model_and_source(base, options), rest)
    plain, rest = with_given(plain, rest)
    refuse_backbone(plain, options, rest)
    lists, rest = _lists(rest)
    folder = Path(options["--out"] or Path("studies") / _name(str(plain.get("name", "study")), setting))
    request = request_of(plain, [setting, *values, *(str(item) for item in lists.items()), *rest])
    done = None if options["--force"] else already_done(folder, request, options["--data"])
    if done is not None:
        print(done)
        return 0
    return _run(plain, options, rest, {"setting": setting, "values": tuple(values), **lists}, folder, request)


def _name(recipe: str, setting: str) -> str:
    """Folder of a sweep: ("digits", "method.tla.pool") -> "digits-tla-pool"."""
    return f"{recipe}-{setting.removeprefix('method.').replace('.', '-')}"


def _lists(words: list[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The verb's own options that take lists, and the remaining words."""
    found: dict[str, tuple[str, ...]] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word not in LISTS:
            rest.append(word)
            continue
        count = next((i for i, other in enumerate(queue) if other.startswith("--")), len(queue))
        if not count:
            raise ValueError(f"{word} needs a value")
        found[word.removeprefix("--")], queue = tuple(queue[:count]), queue[count:]
    return found, rest


def _run(
    plain: dict[str, Any], options: dict[str, str | None], rest: list[str], asked: Any, folder: Path, request: str
) -> int:
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # see study_verb
    from rich.console import Console

    from tla.cli.progress import StudyBar, is_first_process
    from tla.study import study_from
    from tla.study.sweep import plan_sweep, run_sweep

    sweep = plan_sweep(overridden(study_from(plain), rest), **asked)
    console = Console(stderr=False, quiet=not is_first_process())
    data = Path(options["--data"]) if options["--data"] else None
    with StudyBar(console=console) as progress:
        force = bool(options["--force"])
        workers = workers_of(options, sweep.study)
        store = run_sweep(
            sweep, folder, data_root=data, progress=progress, request=request, force=force, workers=workers
        )
    if not is_first_process():
        return 0
    from tla.cli.tables import study_summary

    console.print(study_summary(store, console.width))
    console.print(f"Report: [bold]{(folder / 'report.html').resolve()}[/]", soft_wrap=True)
    return 0
