"""One setting at several values: everything else is done once, and what is finished stays finished."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tla.config import digest, plain_value
from tla.messages import did_you_mean
from tla.statistics.accuracy import worst_case
from tla.store import Store
from tla.study import attack, collect, data, report, train
from tla.study.config import Study
from tla.study.progress import Watcher
from tla.study.run import carry_out
from tla.study.variants import swept, write_variant
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written

PAPER = ("cw", "pgd", "mim")
"""The attacks of the paper's figure on the size of the negative pool."""


class Sweep(NamedTuple):
    """A sweep over one setting.

    Attributes:
        study: The study that does it: its methods are those beside, then the variants, value by value.
        setting: "method.tla.pool".
        values: As written.
        variants: Name of each variant among the study's methods: its method and its value.
        beside: Methods that are trained as they are, to compare with.
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
    """A sweep from a study.

    Args:
        study: Gives data, training, attacks and seeds; its methods play no part.
        setting: "method.tla.pool", "train.learning_rate" or "model.width".
        values: At least two, as one writes them on the command line.
        methods: What a setting of training or of the network is swept for.
        beside: Methods that are trained once as they are.
        attacks: Labels of the study's suite; by default those of the paper's figure (cw, pgd, mim), where the suite has
            all of them, else the whole suite.

    Raises:
        ValueError: for a setting that does not change training or changes nothing there, a value that it refuses, too
            few or equal values, or an attack that the suite does not have.
    """
    if len(values) < 2 or len({str(plain_value(value)) for value in values}) < len(values):
        raise ValueError(f"a sweep needs two different values or more, got {', '.join(values) or 'none'}")
    for label in attacks:
        if label not in study.attack.suite:
            raise ValueError(f"attacks: {label!r} is not in the suite; {did_you_mean(label, study.attack.suite)}")
    if not attacks and set(PAPER) <= set(study.attack.suite):
        attacks = PAPER
    suite = {label: known for label, known in study.attack.suite.items() if not attacks or label in attacks}
    main = study.attack.main if study.attack.main in suite else next(iter(suite))
    places = swept(setting, methods)
    variants = {write_variant(name, knob, value): (name, value) for value in values for name, knob in places.items()}
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
    watch: Watcher | None = None,
    request: str = "",
    anew: bool = False,
) -> Store:
    """Train and attack every variant that is not done yet; write the table `ablation` and report.html.

    Args:
        sweep: What is to be done.
        folder: A study folder of its own; values that were swept there before are kept.
        data_root: Folder of data sets.
        watch: Told about progress.
        request: As for `tla.study.run_study`.
        anew: Forget what is finished.

    Raises:
        ValueError: before anything is trained, for settings that do not fit the data.
    """
    workspace = Workspace(sweep.study, Store(folder), data_root)
    facts = {"setting": sweep.setting, "values": list(sweep.values), "beside": list(sweep.beside)}
    notes = {"sweep": facts | {"variants": {name: list(what) for name, what in sweep.variants.items()}}}
    request = request or digest([sweep.study, facts])
    return carry_out(
        workspace, lambda workspace: _plan(workspace, sweep), watch=watch, request=request, anew=anew, notes=notes
    )


def _plan(workspace: Workspace, sweep: Sweep) -> list[StudyStep]:
    models = [Trained(method, seed) for method, seed in workspace.study.models]
    steps, digests = [data.step(workspace)], []
    for model in models:
        trained = train.step(workspace, model)
        attacked = attack.step(workspace, model, trained.digest)
        steps += [trained, attacked]
        digests += [trained.digest, attacked.digest]
    collected = collect.step(workspace, models, digests)
    inputs = digest([collected.digest, sweep.setting, list(sweep.values), list(sweep.beside)])
    joined = StudyStep("ablation", inputs, 0.1, lambda tell: _join(workspace, sweep, tell))
    return [*steps, collected, joined, report.step(workspace, joined.digest)]


def _join(workspace: Workspace, sweep: Sweep, tell: Tell) -> Written:
    tell(0.5, "joining")
    frame = ablation_frame(workspace.store.table("attacks"), sweep)
    worst: Any = frame[(frame.attack == "worst") & frame.value.notna()].groupby("value", sort=False).accuracy.mean()
    shown = ", ".join(f"{value}: {accuracy:.1%}" for value, accuracy in worst.items())
    return Written([workspace.store.write_table("ablation", frame)], f"worst case by {sweep.setting}: {shown}")


def ablation_frame(attacks: Any, sweep: Sweep) -> pd.DataFrame:
    """The table `ablation`: accuracy for each value, seed and attack, "clean" and "worst" among them.

    Args:
        attacks: The `attacks` table of the sweep, one eps.
        sweep: What was swept.

    Returns:
        Columns parameter, value (a number where all are; missing for methods that stand beside), method, variant, seed,
        attack, eps, accuracy (0..1), n.
    """
    plain = [plain_value(value) for value in sweep.values]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain)
    known = {
        name: (method, plain_value(value) if numbers else value) for name, (method, value) in sweep.variants.items()
    }
    rows = []
    eps = float(attacks.eps.max())
    for frame in (attacks, worst_case(attacks[attacks.attack != "clean"])):
        for (name, seed, label), group in frame.groupby(["method", "seed", "attack"], sort=False):
            method, value = known.get(name, (name, None))
            facts = {"parameter": sweep.setting, "value": value, "method": method, "variant": name, "seed": seed}
            rows.append(facts | {"attack": label, "eps": eps, "accuracy": 1 - group.success.mean(), "n": len(group)})
    table = pd.DataFrame(rows)
    return table.astype({"value": "float64" if numbers else "object"})
