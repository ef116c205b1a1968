"""Every model of one seed is shown the adversarial images of every other: the black box of the paper."""

import pandas as pd
import torch

from tla.attacks import transfer
from tla.config import digest
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written


def steps(workspace: Workspace, models: list[Trained], weights: dict[str, str]) -> list[StudyStep]:
    """One step per seed and one that joins them; none where there is but one method, or the study wants none.

    Args:
        workspace: Of the run.
        models: Every model of the study.
        weights: Fingerprint of each model's training, by its key.
    """
    found = []
    for seed in workspace.study.seeds if workspace.study.analysis.transfer != 0 else ():
        there = [model for model in models if model.seed == seed]
        if len(there) > 1:
            found.append(_step(workspace, there, seed, [weights[model.key] for model in there]))
    if not found:
        return []
    joined = StudyStep("transfer", digest([step.digest for step in found]), 0.1, lambda tell: _join(workspace, tell))
    return [*found, joined]


def _step(workspace: Workspace, models: list[Trained], seed: int, weights: list[str]) -> StudyStep:
    plan, count = workspace.study.attack, workspace.study.analysis.transfer
    attack = [plan.norm, plan.eps, plan.main, plan.suite[plan.main], plan.precision]
    inputs = [weights, [model.key for model in models], workspace.data_digest, *attack, count]
    name = f"transfer/seed{seed}"
    return StudyStep(name, digest(inputs), 0.3 * len(models), lambda tell: _run(workspace, models, seed, tell))


def _run(workspace: Workspace, models: list[Trained], seed: int, tell: Tell) -> Written:
    plan, queries, count = workspace.study.attack, workspace.queries, workspace.study.analysis.transfer
    if count is not None and count < len(queries):
        queries = queries.subset(torch.arange(count))
    tell(0.1, f"{len(models)} models attack each other")
    frame = transfer(
        {model.method: workspace.model(model) for model in models},
        queries.floats().to(workspace.device),
        queries.labels.to(workspace.device),
        plan.suite[plan.main],
        plan.threat,
        ids=queries.ids,
        batch=plan.batch,
        seed=workspace.seed(models[0]._replace(method="every"), "transfer"),
        precision=plan.precision,
    )
    frame = frame.assign(seed=seed, attack=plan.main, eps=plan.eps)
    file = workspace.store.write_table(f"parts/transfer/seed{seed}", frame)
    return Written([file], _summary(frame))


def _join(workspace: Workspace, tell: Tell) -> Written:
    names = [f"parts/transfer/seed{seed}" for seed in workspace.study.seeds]
    tell(0.5, "joining")
    frame = pd.concat([workspace.store.table(name) for name in names], ignore_index=True)
    return Written([workspace.store.write_table("transfer", frame)], _summary(frame))


def _summary(frame: pd.DataFrame) -> str:
    other = frame[frame.source != frame.target].groupby(["target", "source"]).success.mean()
    (target, source), share = other.idxmin(), 1 - other.min()
    return f"hardest to fool from outside: {target}, {share:.1%} right on images made on {source}"
