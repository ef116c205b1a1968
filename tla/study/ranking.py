"""Attacks the ranking of the gallery, by every model of the study."""

from typing import Any

import torch

from tla.attacks import PGD, Attack
from tla.attacks.evaluation.ranking import KINDS, RankedImages, RankingFrames, Rankings, joined
from tla.attacks.search.loop import FirstOrder
from tla.config import digest
from tla.messages import radius_text
from tla.models.network.copying import working_copy
from tla.seeding import generator
from tla.study import costs
from tla.study.adaptive import without_early_stop
from tla.study.collect import write_model_rows
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace
from tla.threat import Threat

QUERIES = 100
"""How many queries by default, fewer of large images: each is attacked in four ways at every radius."""


def steps(workspace: Workspace, models: list[TrainedModel], weights: dict[str, str]) -> list[StudyStep]:
    """A step per model; none if the study wants none, or has only one item to rank.

    Args:
        workspace: Of the run.
        models: All models.
        weights: Fingerprint of each model's training, by key.
    """
    if count_of(workspace) < 1 or len(workspace.gallery) - workspace.splits.shared < 2:
        return []
    return [_step(workspace, model, weights[model.key]) for model in models]


def count_of(workspace: Workspace) -> int:
    """How many queries are attacked."""
    asked = workspace.study.analysis.ranking
    return min(workspace.few(QUERIES, 0.4) if asked is None else asked, len(workspace.queries))


def _step(workspace: Workspace, trained: TrainedModel, weights: str) -> StudyStep:
    plan = workspace.study.attack
    inputs = [weights, workspace.data_digest, plan.norm, _radii(workspace), _attack(workspace), count_of(workspace)]
    cost = costs.rankings(workspace, count_of(workspace), len(_radii(workspace)))
    return StudyStep(f"ranking/{trained.key}", digest(inputs), cost, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    plan, device, radii = workspace.study.attack, workspace.device, _radii(workspace)
    model, queries = working_copy(workspace.model(trained), torch.channels_last), workspace.queries
    few = queries.subset(torch.arange(count_of(workspace)))
    shown, gallery = (RankedImages(images.pixels, images.labels, images.ids) for images in (few, workspace.gallery))
    search = Rankings(model, shown, gallery, batch=workspace.batch, same_split=workspace.splits.shared)
    tables: list[RankingFrames] = []
    for number, eps in enumerate(radii):
        for place, kind in enumerate(KINDS):
            report((number + place / len(KINDS)) / len(radii), f"{kind} eps {radius_text(eps)}")
            source = generator(workspace.seed(trained, "ranking"), kind, device=device)  # same items
            tables.append(search.attack(kind, _attack(workspace), Threat(plan.norm, eps), generator=source))
    frames = joined(tables)
    named = {"ranking": frames.ranking, "ranking_lists": frames.lists}
    files = [write_model_rows(workspace.store, name, trained, frame) for name, frame in named.items()]
    return StepResult(files, _summary(frames.ranking))


def _radii(workspace: Workspace) -> list[float]:
    plan = workspace.study.attack
    return [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]


def _attack(workspace: Workspace) -> Attack:
    """The study's main attack without early stop; PGD if that is no gradient walk, which has no goal of this kind."""
    main = workspace.study.attack.suite[workspace.study.attack.main]
    return without_early_stop(main if isinstance(main, FirstOrder) else PGD())


def _summary(table: Any) -> str:
    here = table[table["eps"] == table["eps"].min()]
    means = here.groupby("kind", sort=False)[["rank_before", "rank_after"]].mean()
    words = [f"{kind} {row['rank_before']:.0f} to {row['rank_after']:.0f}" for kind, row in means.iterrows()]
    return f"mean rank of {int(table['gallery'].iloc[0])}: {', '.join(words)}"
