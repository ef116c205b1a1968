"""Attacks one model of the study with every attack of the suite."""

import shutil
from typing import Any

import numpy as np
import pandas as pd

from tla.attacks import CacheFolder, EvaluationProgress, Kept, evaluate
from tla.config import digest
from tla.statistics.accuracy import worst_case
from tla.study.collect import write_part
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written
from tla.threat import Threat


def key(label: str, eps: float) -> str:
    """Name of an array of adversarial images: "pgd@0.2"."""
    return f"{label}@{eps:.6g}"


def step(workspace: Workspace, trained: Trained, weights: str) -> StudyStep:
    """Attack a model; finished batches are kept, so that an interrupted step goes on.

    Args:
        workspace: Of the run.
        trained: Which model.
        weights: Fingerprint of its training.
    """
    inputs = [weights, workspace.data_digest, workspace.study.attack]
    return StudyStep(f"attack/{trained.key}", digest(inputs), 2.0, lambda tell: _run(workspace, trained, tell))


def _run(workspace: Workspace, trained: Trained, tell: Tell) -> Written:
    plan, queries = workspace.study.attack, workspace.queries
    cache = CacheFolder(workspace.store.path / "models" / trained.key / "cache")
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    frames, arrays = [], {}
    for number, eps in enumerate(radii):
        suite = plan.suite if number == 0 else {plan.main: plan.suite[plan.main]}
        kept = Kept(plan.main)

        def watch(news: EvaluationProgress, eps: float = eps, before: float = number / len(radii)) -> None:
            share = before + news.done / news.total / len(radii)
            tell(share, f"{news.attack} eps {eps:.3g}, {news.rate:,.0f} images/s")

        frame = evaluate(
            workspace.model(trained),
            queries.pixels.to(workspace.device),
            queries.labels.to(workspace.device),
            suite,
            Threat(plan.norm, eps),
            ids=queries.ids.to(workspace.device),
            batch=plan.batch,
            seed=workspace.seed(trained, "evaluate"),
            precision=plan.precision,
            progress=watch,
            cache=cache,
            keep=kept,
        )
        frames.append(frame if number == 0 else frame[frame.attack != "clean"])
        arrays[key(plan.main, eps)] = kept[plan.main].numpy()
    table = pd.concat(frames, ignore_index=True)
    part = write_part(workspace.store, "attacks", trained, table)
    file = workspace.store.write_arrays(f"adversarial/{trained.key}", arrays)
    shutil.rmtree(cache.path, ignore_errors=True)
    seconds = {label: round(value, 2) for label, value in frames[0].attrs.get("seconds", {}).items()}
    return Written([part, file], _summary(table, plan.eps), {"attack_seconds": seconds})


def _summary(table: Any, eps: float) -> str:
    here = table[(table.attack == "clean") | np.isclose(table.eps, eps)]
    clean = 1 - here[here.attack == "clean"].success.mean()
    worst = 1 - worst_case(here).success.mean()
    return f"{clean:.1%} clean, {worst:.1%} under the worst of {here.attack.nunique() - 1} attacks"
