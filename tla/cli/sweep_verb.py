"""`tla sweep RECIPE SETTING VALUE ...`: one setting at several values."""

import os
from pathlib import Path
from typing import Any

from tla.cli.settings import overridden, own_options, replaced, with_method_settings
from tla.cli.study_verb import already_done, request_of

USAGE = """\
usage: tla sweep RECIPE SETTING VALUE VALUE ... [--methods NAME ...] [--beside NAME ...] [--attacks LABEL ...]
                 [--out FOLDER] [--data FOLDER] [--force] [--any.setting VALUE ...]

Trains a method once per value of one setting (and per seed), attacks every model, and writes the table `ablation`,
its figure and a page. Everything else is as in the recipe; same seeds, same images. What is finished is skipped: add
values later, or go on after an interruption, with the same command.

  tla sweep digits method.tla.alpha 0.03 0.1 0.3 --seeds 0 1 2     the margin, three trainings each
  tla sweep digits method.tla.lambda_triplet 0 0.5 1 2             the weight of the triplet term
  tla sweep digits method.tla.pool 1 50 250 --method.tla.mining fresh --beside at
                                                                  the negative pool (the paper's figure), AT beside it
  tla sweep mnist train.attack.steps 1 3 7 --methods at tla        a setting of training, for two methods

RECIPE           a shipped recipe, a file.toml, or folder:PATH
SETTING          method.NAME.SETTING, train.SETTING or model.SETTING
--methods NAME   for train. and model. settings: whose training changes; by default tla
--beside NAME    methods that are trained once, as they are, to compare with
--attacks LABEL  attacks of the recipe's suite; by default cw pgd mim (the paper's figure) where it has them
--out FOLDER     the study folder; studies/<recipe>-<setting> by default
--data FOLDER    where data sets lie or are downloaded to
--force          begin anew
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
        raise ValueError("say what to sweep: tla sweep digits method.tla.alpha 0.1 0.3")
    recipe, setting, *values = words[:count]
    read = recipes.read(recipe)
    options, rest = own_options(words[count:])
    plain, rest = with_method_settings(replaced(read, options), rest)
    lists, rest = _lists(rest)
    folder = Path(options["--out"] or Path("studies") / _name(str(plain.get("name", "study")), setting))
    request = request_of(plain, [setting, *values, *(str(item) for item in lists.items()), *rest])
    done = None if options["--force"] else already_done(folder, request)
    if done is not None:
        print(done)
        return 0
    return _run(plain, options, rest, {"setting": setting, "values": tuple(values), **lists}, folder, request)


def _name(recipe: str, setting: str) -> str:
    """Folder of a sweep: ("digits", "method.tla.pool") -> "digits-tla-pool"."""
    return f"{recipe}-{setting.removeprefix('method.').replace('.', '-')}"


def _lists(words: list[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The verb's own lists of names, and the other words."""
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

    from tla.cli.progress import speaks, watching
    from tla.study import study_from
    from tla.study.sweep import plan_sweep, run_sweep

    sweep = plan_sweep(overridden(study_from(plain), rest), **asked)
    console = Console(stderr=False, quiet=not speaks())
    data = Path(options["--data"]) if options["--data"] else None
    with watching(console) as watch:
        anew = bool(options["--force"])
        store = run_sweep(sweep, folder, data_root=data, watch=watch, request=request, anew=anew)
    if not speaks():
        return 0
    from tla.cli.tables import study_summary

    console.print(study_summary(store))
    console.print(f"Report: [bold]{(folder / 'report.html').resolve()}[/]", soft_wrap=True)
    return 0
