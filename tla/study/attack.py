"""Attacks one model of the study with every attack of the suite."""

import shutil
from typing import Any

import numpy as np
import pandas as pd

from tla.attacks import CacheFolder, EvaluationProgress, Kept, evaluate
from tla.config import digest
from tla.statistics.accuracy import worst_case
from tla.study.collect import write_model_rows
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace
from tla.threat import Threat


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
    inputs = [weights, workspace.data_digest, workspace.study.attack]
    return StudyStep(f"attack/{trained.key}", digest(inputs), 2.0, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    plan, queries = workspace.study.attack, workspace.queries
    cache = CacheFolder(workspace.store.place(f"models/{trained.key}/parts"))
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    frames, arrays = [], {}
    for number, eps in enumerate(radii):
        suite = plan.suite if number == 0 else {plan.main: plan.suite[plan.main]}
        kept = Kept(plan.main)

        def progress(now: EvaluationProgress, eps: float = eps, before: float = number / len(radii)) -> None:
            share = before + now.done / now.total / len(radii)
            report(share, f"{now.attack} eps {eps:.3g}, {now.rate:,.0f} images/s")

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
        frames.append(frame if number == 0 else frame[frame.attack != "clean"])
        arrays[array_name(plan.main, eps)] = kept[plan.main].numpy()
    table = pd.concat(frames, ignore_index=True)
    rows = write_model_rows(workspace.store, "attacks", trained, table)
    file = workspace.store.write_arrays(f"adversarial/{trained.key}", arrays)
    shutil.rmtree(cache.path, ignore_errors=True)
    seconds = {label: round(value, 2) for label, value in frames[0].attrs.get("seconds", {}).items()}
    return StepResult([rows, file], _summary(table, plan.eps), {"attack_seconds": seconds})


def _summary(table: Any, eps: float) -> str:
    here = table[(table.attack == "clean") | np.isclose(table.eps, eps)]
    clean = 1 - here[here.attack == "clean"].success.mean()
    worst = 1 - worst_case(here).success.mean()
    return f"{clean:.1%} clean, {worst:.1%} under the worst of {here.attack.nunique() - 1} attacks"
