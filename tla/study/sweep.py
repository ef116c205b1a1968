"""Sweeps: one setting at several values, everything else once; finished values are skipped."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tla.config import digest, plain_value
from tla.messages import did_you_mean
from tla.statistics.accuracy import worst_case
from tla.store import Store
from tla.study import attack, collect, costs, data, report, start, train
from tla.study.config import Study
from tla.study.progress import ProgressCallback
from tla.study.run import run_steps
from tla.study.variants import sweep_targets, write_variant
from tla.study.workers import Workers
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace

PAPER = ("cw", "pgd", "mim")
"""The attacks in the paper's figure on the size of the negative pool."""


class Sweep(NamedTuple):
    """A sweep over one setting.

    Attributes:
        study: The study to run: its methods are `beside`, then the variants, value by value.
        setting: "method.tla.pool".
        values: As written by the user.
        variants: Method and value of each variant, by its name among the study's methods.
        beside: Methods trained once, unchanged, for comparison.
    """

    study: Study
    setting: str
    values: tuple[str, ...]
    variants: dict[str, tuple[str, str]]
    beside: tuple[str, ...]


def plan_sweep(
    study: Study,
    setting: str,
    values: tuple[str, ...],
    *,
    methods: tuple[str, ...] = ("tla",),
    beside: tuple[str, ...] = (),
    attacks: tuple[str, ...] = (),
) -> Sweep:
    """Plan a sweep from a study.

    Args:
        study: Gives data, training, attacks and seeds; its methods are ignored.
        setting: "method.tla.pool", "train.learning_rate" or "model.width".
        values: At least two, as written on the command line.
        methods: The methods to sweep a `train.` or `model.` setting for.
        beside: Methods trained once, unchanged.
        attacks: Labels of the study's suite; by default those of the paper's figure (cw, pgd, mim) if the suite has
            all of them, else the whole suite.

    Raises:
        ValueError: for a setting that does not affect training, a value that it rejects, too few or equal values, or
            an attack that is not in the suite.
    """
    if len(values) < 2 or len({str(plain_value(value)) for value in values}) < len(values):
        raise ValueError(f"a sweep needs two different values or more, got {', '.join(values) or 'none'}")
    for label in attacks:
        if label not in study.attack.suite:
            raise ValueError(f"attacks: {label!r} is not in the suite; {did_you_mean(label, study.attack.suite)}")
    if not attacks and set(PAPER) <= set(study.attack.suite):
        attacks = PAPER
    suite = {label: attack for label, attack in study.attack.suite.items() if not attacks or label in attacks}
    main = study.attack.main if study.attack.main in suite else next(iter(suite))
    targets = sweep_targets(setting, methods)
    variants = {write_variant(name, key, value): (name, value) for value in values for name, key in targets.items()}
    planned = dataclasses.replace(
        study,
        methods=(*beside, *variants),
        attack=dataclasses.replace(study.attack, suite=suite, main=main, detection_eps=()),
    )
    return Sweep(planned, setting, values, variants, beside)


def run_sweep(
    sweep: Sweep,
    folder: Path,
    *,
    data_root: Path | None = None,
    progress: ProgressCallback | None = None,
    request: str = "",
    force: bool = False,
    workers: Workers | None = None,
) -> Store:
    """Train and attack every unfinished variant; write the table `ablation` and report.html.

    Args:
        sweep: The sweep.
        folder: Its study folder; values that were swept there before are kept.
        data_root: Folder of data sets.
        progress: Called with every change of progress.
        request: As for `tla.study.run_study`.
        force: Run every step again.
        workers: As for `tla.study.run_study`.

    Raises:
        ValueError: for settings that do not fit the data, before anything is trained.
    """
    workspace = Workspace(sweep.study, Store(folder), data_root)
    facts = {"setting": sweep.setting, "values": list(sweep.values), "beside": list(sweep.beside)}
    notes = {"sweep": facts | {"variants": {name: list(pair) for name, pair in sweep.variants.items()}}}
    request = request or digest([sweep.study, facts])
    return run_steps(
        workspace,
        partial(_plan, sweep=sweep),
        progress=progress,
        request=request,
        force=force,
        notes=notes,
        workers=workers,
    )


def _plan(workspace: Workspace, sweep: Sweep) -> list[StudyStep]:
    models = [TrainedModel(method, seed) for method, seed in workspace.study.trained]
    steps, digests = [data.step(workspace), *start.steps(workspace)], []
    for model in models:
        trained = train.step(workspace, model)
        attacked = attack.step(workspace, model, trained.digest)
        steps += [trained.on_worker(), attacked.on_worker(trained)]
        digests += [trained.digest, attacked.digest]
    collected = collect.step(workspace, models, digests).last(*steps)
    inputs = digest([collected.digest, sweep.setting, list(sweep.values), list(sweep.beside)])
    joined = StudyStep("ablation", inputs, costs.FIXED, lambda report: _join(workspace, sweep, report)).last(collected)
    return [*steps, collected, joined, report.step(workspace, joined.digest).last(joined)]


def _join(workspace: Workspace, sweep: Sweep, report: Report) -> StepResult:
    report(0.5, "joining")
    frame = ablation_frame(workspace.store.table("attacks"), sweep)
    worst: Any = frame[(frame.attack == "worst") & frame.value.notna()].groupby("value", sort=False).accuracy.mean()
    shown = ", ".join(f"{value}: {accuracy:.1%}" for value, accuracy in worst.items())
    return StepResult([workspace.store.write_table("ablation", frame)], f"worst case by {sweep.setting}: {shown}")


def ablation_frame(attacks: Any, sweep: Sweep) -> pd.DataFrame:
    """The table `ablation`: accuracy per value, seed and attack, including "clean" and "worst".

    Args:
        attacks: The `attacks` table of the sweep, at one eps.
        sweep: The sweep.

    Returns:
        Columns parameter, value (numeric if all values are numbers; missing for the methods of `beside`), method,
        variant, seed, attack, eps, accuracy (0..1), n.
    """
    plain = [plain_value(value) for value in sweep.values]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain)
    variants = {
        name: (method, plain_value(value) if numbers else value) for name, (method, value) in sweep.variants.items()
    }
    rows = []
    eps = float(attacks.eps.max())
    for frame in (attacks, worst_case(attacks[attacks.attack != "clean"])):
        for (name, seed, label), group in frame.groupby(["method", "seed", "attack"], sort=False):
            method, value = variants.get(name, (name, None))
            facts = {"parameter": sweep.setting, "value": value, "method": method, "variant": name, "seed": seed}
            rows.append(facts | {"attack": label, "eps": eps, "accuracy": 1 - group.success.mean(), "n": len(group)})
    table = pd.DataFrame(rows)
    return table.astype({"value": "float64" if numbers else "object"})
