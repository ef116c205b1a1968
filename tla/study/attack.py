"""Attacks one model of the study with every attack of the suite."""

import shutil
from typing import Any

import numpy as np
import pandas as pd

from tla.attacks import Kept, PartFolder, Progress, evaluate
from tla.config import digest
from tla.study.bench import Bench, Step, Tell, Trained, Written
from tla.study.collect import write_part
from tla.threat import Threat


def key(label: str, eps: float) -> str:
    """Name of an array of adversarial images: "pgd@0.2"."""
    return f"{label}@{eps:.6g}"


def step(bench: Bench, trained: Trained, weights: str) -> Step:
    """Attack a model; finished batches are kept, so that an interrupted step goes on.

    Args:
        bench: The work bench.
        trained: Which model.
        weights: Fingerprint of its training.
    """
    inputs = [weights, bench.data_digest, bench.study.attack]
    return Step(f"attack/{trained.key}", digest(inputs), 2.0, lambda tell: _run(bench, trained, tell))


def _run(bench: Bench, trained: Trained, tell: Tell) -> Written:
    plan, queries = bench.study.attack, bench.queries
    parts = PartFolder(bench.store.path / "models" / trained.key / "parts")
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    frames, arrays = [], {}
    for number, eps in enumerate(radii):
        suite = plan.suite if number == 0 else {plan.main: plan.suite[plan.main]}
        kept = Kept(plan.main)

        def watch(news: Progress, eps: float = eps, before: float = number / len(radii)) -> None:
            share = before + news.done / news.total / len(radii)
            tell(share, f"{news.attack} eps {eps:.3g}, {news.rate:,.0f} images/s")

        frame = evaluate(
            bench.model(trained),
            queries.pixels.to(bench.device),
            queries.labels.to(bench.device),
            suite,
            Threat(plan.norm, eps),
            ids=queries.ids.to(bench.device),
            batch=plan.batch,
            seed=bench.seed(trained, "evaluate"),
            precision=plan.precision,
            progress=watch,
            parts=parts,
            keep=kept,
        )
        frames.append(frame if number == 0 else frame[frame.attack != "clean"])
        arrays[key(plan.main, eps)] = kept[plan.main].numpy()
    table = pd.concat(frames, ignore_index=True)
    part = write_part(bench.store, "attacks", trained, table)
    file = bench.store.write_arrays(f"adversarial/{trained.key}", arrays)
    shutil.rmtree(parts.path, ignore_errors=True)
    seconds = {label: round(value, 2) for label, value in frames[0].attrs.get("seconds", {}).items()}
    return Written([part, file], _summary(table, plan.eps), {"attack_seconds": seconds})


def _summary(table: Any, eps: float) -> str:
    here = table[(table.attack == "clean") | np.isclose(table.eps, eps)]
    clean = 1 - here[here.attack == "clean"].success.mean()
    worst = 1 - here.groupby("id").success.max().mean()
    return f"{clean:.1%} clean, {worst:.1%} under the worst of {here.attack.nunique() - 1} attacks"
