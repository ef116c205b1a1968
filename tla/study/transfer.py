"""Transfer: each model is tested on the adversarial images of every other of its seed (the paper's black box)."""

import pandas as pd
import torch

from tla.attacks import transfer
from tla.config import digest
from tla.study import costs
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace


def steps(workspace: Workspace, models: list[TrainedModel], weights: dict[str, str]) -> list[StudyStep]:
    """One step per seed and one that joins them; none for a single method or if the study disables transfer.

    Args:
        workspace: Of the run.
        models: Every model of the study.
        weights: Fingerprint of each model's training, by its key.
    """
    per_seed = []
    for seed in workspace.study.seeds if workspace.study.analysis.transfer != 0 else ():
        same_seed = [model for model in models if model.seed == seed]
        if len(same_seed) > 1:
            per_seed.append(_step(workspace, same_seed, seed, [weights[model.key] for model in same_seed]))
    if not per_seed:
        return []
    joined = StudyStep(
        "transfer", digest([step.digest for step in per_seed]), costs.FIXED, lambda report: _join(workspace, report)
    )
    return [*per_seed, joined]


def _step(workspace: Workspace, models: list[TrainedModel], seed: int, weights: list[str]) -> StudyStep:
    plan, count = workspace.study.attack, workspace.study.analysis.transfer
    attack = [plan.norm, plan.eps, plan.main, plan.suite[plan.main], plan.precision]
    inputs = [weights, [model.key for model in models], workspace.data_digest, *attack, count]
    name, cost = f"transfer/seed{seed}", costs.per_query(workspace, costs.TRANSFER * len(models))
    return StudyStep(name, digest(inputs), cost, lambda report: _run(workspace, models, seed, report))


def _run(workspace: Workspace, models: list[TrainedModel], seed: int, report: Report) -> StepResult:
    plan, queries, count = workspace.study.attack, workspace.queries, workspace.study.analysis.transfer
    if count is not None and count < len(queries):
        queries = queries.subset(torch.arange(count))
    report(0.0, f"{len(models)} models attack each other")
    frame = transfer(
        {model.method: workspace.model(model) for model in models},
        queries.floats().to(workspace.device),
        queries.labels.to(workspace.device),
        plan.suite[plan.main],
        plan.threat,
        ids=queries.ids,
        batch=workspace.batch,
        seed=workspace.seed(models[0]._replace(method="every"), "transfer"),
        precision=plan.precision,
        progress=lambda now: report(now.share, now.text),
    )
    frame = frame.assign(seed=seed, attack=plan.main, eps=plan.eps)
    file = workspace.store.write_table(f"parts/transfer/seed{seed}", frame)
    return StepResult([file], _summary(frame))


def _join(workspace: Workspace, report: Report) -> StepResult:
    names = [f"parts/transfer/seed{seed}" for seed in workspace.study.seeds]
    report(0.5, "joining")
    frame = pd.concat([workspace.store.table(name) for name in names], ignore_index=True)
    return StepResult([workspace.store.write_table("transfer", frame)], _summary(frame))


def _summary(frame: pd.DataFrame) -> str:
    other = frame[frame.source != frame.target].groupby(["target", "source"]).success.mean()
    (target, source), share = other.idxmin(), 1 - other.min()
    return f"hardest to fool from outside: {target}, {share:.1%} correct on images made on {source}"
