"""Attacks one model of the study with every attack of the suite."""

import dataclasses
import shutil
from typing import Any

import numpy as np
import pandas as pd

from tla.attacks import Attack, CacheFolder, EvaluationProgress, Kept, evaluate
from tla.config import digest
from tla.messages import radius_text
from tla.statistics.accuracy import worst_case
from tla.study import costs
from tla.study.collect import write_model_rows
from tla.study.config import AttackPlan
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace
from tla.threat import Threat

BETWEEN = (0.25, 0.5, 0.75)
"""Shares of eps at which the main attack is run too, so that accuracy against eps is a curve below eps as well.

They are no part of the step's fingerprint: a study made before them keeps its fewer points, and is not attacked again.
"""

LARGE = 10.0
"""In units of the values that an attack which never stops early may have: 200 images of 3 x 224 x 224 are too many."""


def array_name(label: str, eps: float) -> str:
    """Name of the array with an attack's images: "pgd@0.2"."""
    return f"{label}@{eps:.6g}"


def step(workspace: Workspace, trained: TrainedModel, weights: str) -> StudyStep:
    """Attack a model; finished batches are cached, so that an interrupted step resumes.

    Args:
        workspace: Of the run.
        trained: Which model.
        weights: Fingerprint of its training.
    """
    inputs, cost = [weights, workspace.data_digest, workspace.study.attack], costs.suite(workspace)
    return StudyStep(f"attack/{trained.key}", digest(inputs), cost, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    plan, queries = workspace.study.attack, workspace.queries
    cache = CacheFolder(workspace.store.place(f"models/{trained.key}/parts"))
    between = _between(plan, large=workspace.few(len(queries), LARGE) < len(queries))
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9), *between]
    frames, arrays, total = [], {}, 0.0
    for number, eps in enumerate(radii):
        main = _shorter(plan, eps) if eps in between else plan.suite[plan.main]
        suite = plan.suite if number == 0 else {plan.main: main}
        kept = None if eps in between else Kept(plan.main)

        def progress(now: EvaluationProgress, eps: float = eps, before: float = number / len(radii)) -> None:
            text = f"{now.attack} eps {radius_text(eps)}, {now.rate:,.0f} images/s"
            report(before + now.share / len(radii), text, resumed=now.resumed)

        frame = evaluate(
            workspace.model(trained),
            queries.pixels.to(workspace.device),
            queries.labels.to(workspace.device),
            suite,
            Threat(plan.norm, eps),
            ids=queries.ids.to(workspace.device),
            batch=workspace.batch,
            seed=workspace.seed(trained, "evaluate"),
            precision=plan.precision,
            progress=progress,
            cache=cache,
            keep=kept,
        )
        total += sum(frame.attrs["seconds"].values())  # those of earlier runs too
        frames.append(frame if number == 0 else frame[frame.attack != "clean"])
        if kept is not None:
            arrays[array_name(plan.main, eps)] = kept[plan.main].numpy()
    table = pd.concat(frames, ignore_index=True)
    rows = write_model_rows(workspace.store, "attacks", trained, table)
    file = workspace.store.write_arrays(f"adversarial/{trained.key}", arrays)
    shutil.rmtree(cache.path, ignore_errors=True)
    seconds = {label: round(value, 2) for label, value in frames[0].attrs.get("seconds", {}).items()}
    return StepResult([rows, file], _summary(table, plan.eps), {"attack_seconds": seconds, "seconds": total})


def _between(plan: AttackPlan, *, large: bool) -> list[float]:
    """Radii below eps; none where the study asks for no other radius, for one attack only, or has many large images.

    With one attack no radius would have more attacks than another, and that is how tables know the study's eps.
    """
    if large or not plan.detection_eps or len(plan.suite) < 2:
        return []
    radii = [share * plan.eps for share in BETWEEN]
    return [eps for eps in radii if all(abs(eps - known) > 1e-9 for known in plan.detection_eps)]


def _shorter(plan: AttackPlan, eps: float) -> Attack:
    """The main attack with steps that are shorter in proportion to a radius."""
    attack = plan.suite[plan.main]
    size = getattr(attack, "step_size", None)
    if not isinstance(size, float):
        return attack
    return dataclasses.replace(attack, step_size=size * eps / plan.eps)  # pyright: ignore[reportCallIssue]


def _summary(table: Any, eps: float) -> str:
    here = table[(table.attack == "clean") | np.isclose(table.eps, eps)]
    clean = 1 - here[here.attack == "clean"].success.mean()
    worst = 1 - worst_case(here).success.mean()
    return f"{clean:.1%} clean, {worst:.1%} under the worst of {here.attack.nunique() - 1} attacks"
