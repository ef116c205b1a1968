"""A few images attacked at growing radii by every model: where each is on the map, and who its neighbours are."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from tla.attacks import PGD, Untargeted
from tla.config import digest
from tla.messages import radius_text
from tla.models.network.copying import working_copy
from tla.projection import barycentre
from tla.representation import embed
from tla.retrieval import GalleryIndex, Neighbours
from tla.seeding import generator
from tla.study import costs
from tla.study.collect import write_model_rows
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace
from tla.threat import Threat
from tla.types import Model

SHARES = tuple(np.arange(10) / 6)
"""The radii, in units of the study's eps: the clean image, then sixths up to one and a half."""
IMAGES = 24
"""How many images, fewer large ones."""
NEIGHBOURS = 6
ATTACK = PGD(steps=10, step_size="eps/4", random_start=False, loss="margin", pursuit="all_steps")
"""Deterministic and beside the image, so that the images of neighbouring radii resemble each other."""


class Grown(NamedTuple):
    """Images attacked at every radius; r radii, n images.

    Attributes:
        pixels: In [0, 1], shape (r, n, c, h, w).
        logits: Shape (r, n, k).
        embedding: Shape (r, n, d).
    """

    pixels: Tensor
    logits: Tensor
    embedding: Tensor


def steps(workspace: Workspace, models: list[TrainedModel], analysed: list[str]) -> list[StudyStep]:
    """A step per model; none if the study stores no trajectories.

    Args:
        workspace: Of the run.
        models: All models; they are shown with the same images.
        analysed: Fingerprints of their analyses.
    """
    if workspace.study.analysis.trajectories == 0:
        return []
    inputs = [sorted(analysed), SHARES, IMAGES, NEIGHBOURS, ATTACK]

    def step(model: TrainedModel) -> StudyStep:
        return StudyStep(
            f"radii/{model.key}",
            digest([model.key, *inputs]),
            costs.FIXED + 2 * IMAGES * len(SHARES) * costs.passes(ATTACK),
            lambda report: _run(workspace, models, model, report),
        )

    return [step(model) for model in models]


def _run(workspace: Workspace, models: list[TrainedModel], trained: TrainedModel, report: Report) -> StepResult:
    rows = chosen(workspace, models)
    images, eps = workspace.queries.subset(rows), workspace.study.attack.eps
    model = working_copy(workspace.model(trained), torch.channels_last)
    x = images.floats().to(workspace.device, memory_format=torch.channels_last)
    threats = [Threat(workspace.study.attack.norm, share * eps) for share in SHARES]
    source = generator(workspace.seed(trained, "radii"), device=workspace.device)
    found = grow(model, x, images.labels.to(workspace.device), threats, source, report)
    table, neighbours = _tables(workspace, trained, images.ids, images.labels, found)
    pixels = (found.pixels * 255).round().to(torch.uint8).transpose(0, 1)
    named = {"id": images.ids.numpy(), "eps": np.array([threat.eps for threat in threats]), "pixels": pixels.numpy()}
    files = [workspace.store.write_arrays(f"radii/{trained.key}", named)]
    for name, frame in (("radii", table), ("radii_neighbours", neighbours)):
        files.append(write_model_rows(workspace.store, name, trained, frame))
    return StepResult(files, f"{len(rows)} images at {len(threats)} radii")


def grow(model: Model, x: Tensor, y: Tensor, threats: list[Threat], source: torch.Generator, report: Report) -> Grown:
    """Attack images at every radius; an image that a smaller radius brought further towards a false class is kept.

    Args:
        model: The model.
        x: Clean images in [0, 1], shape (n, c, h, w).
        y: True classes, shape (n,).
        threats: Growing; the first has eps 0.
        source: Of the attack's randomness.
        report: Takes the share of the radii that are done.

    Returns:
        On the CPU; the margin of the true class never grows with the radius.
    """
    best, least, kept = x, None, []
    for number, threat in enumerate(threats):
        report(number / len(threats), f"eps {radius_text(float(threat.eps))}")
        attacked = ATTACK(model, x, Untargeted(y), threat, generator=source).adversarial if threat.eps > 0 else x
        outputs = embed(model, attacked)
        margins = margin(outputs.logits, y)
        if least is not None:
            stays = margins > least
            attacked = torch.where(stays[:, None, None, None], best, attacked)
            outputs = embed(model, attacked) if bool(stays.any()) else outputs
            margins = torch.where(stays, least, margins)
        best, least = attacked, margins
        kept.append([tensor.float().cpu() for tensor in (best, outputs.logits, outputs.embedding)])
    return Grown(*(torch.stack(tensors) for tensors in zip(*kept, strict=True)))


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Logit of the true class over the largest other one, shape (n,): negative where the prediction is wrong."""
    others = logits.scatter(1, y[:, None], -torch.inf)
    return logits.gather(1, y[:, None])[:, 0] - others.amax(1)


def chosen(workspace: Workspace, models: list[TrainedModel]) -> Tensor:
    """Rows of the test images that are shown: right for as many models as can be, and equally many of each class.

    Of those, images on which the main attack turns some models and not others come first.
    """
    plan = workspace.study.attack
    parts: Any = pd.concat([workspace.store.table(f"parts/attacks/{model.key}") for model in models])
    main = parts[(parts.attack == plan.main) & np.isclose(parts.eps, plan.eps)]
    right = main.clean_prediction == main.y
    votes = main.assign(right=right, held=right & (main.prediction == main.y)).groupby("id")
    table = pd.DataFrame({"y": votes.y.first(), "right": votes.right.sum(), "held": votes.held.sum()})
    table["contested"] = (table.held > 0) & (table.held < table.right)
    table = table.sort_values(["right", "contested"], ascending=False, kind="stable")
    table["turn"] = table.groupby("y").cumcount()
    wrong = table.right < len(models)
    table = table.assign(wrong=wrong).sort_values(["wrong", "turn"], kind="stable")
    count = min(workspace.few(IMAGES, 0.1), len(table))
    ids = torch.from_numpy(table.index.to_numpy()[:count].copy()).long()
    return torch.isin(workspace.queries.ids, ids).nonzero()[:, 0]


def _tables(
    workspace: Workspace, trained: TrainedModel, ids: Tensor, y: Tensor, found: Grown
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Place, prediction and neighbours of every image at every radius."""
    radii, n = found.logits.shape[:2]
    embedding, logits = found.embedding.flatten(0, 1), found.logits.flatten(0, 1)
    probability = logits.softmax(1)
    places = _placed(workspace, trained, embedding)
    eps = workspace.study.attack.eps * np.array(SHARES)
    keys = {"eps": eps.repeat(n), "id": np.tile(ids.numpy().astype(np.int32), radii), "y": np.tile(y.numpy(), radii)}
    table = pd.DataFrame({
        "attack": f"PGD-{ATTACK.steps} on the margin",
        **keys,
        "prediction": logits.argmax(1).numpy(),
        "p_true": probability.gather(1, y.repeat(radii)[:, None])[:, 0].numpy(),
        "p_prediction": probability.amax(1).numpy(),
        "margin": margin(logits, y.repeat(radii)).numpy(),
        "u": places[:, 0].numpy(),
        "v": places[:, 1].numpy(),
    })  # fmt: skip
    near = _near(workspace, trained, embedding, ids.repeat(radii))
    k = near.id.shape[1]
    repeated = {name: np.repeat(values, k) for name, values in keys.items()}
    neighbours = pd.DataFrame({
        **repeated,
        "rank": np.tile(np.arange(1, k + 1), radii * n),
        "neighbour": near.id.flatten().numpy(),
        "neighbour_y": near.y.flatten().numpy(),
        "distance": near.distance.flatten().numpy(),
    })  # fmt: skip
    return table, neighbours


def _near(workspace: Workspace, trained: TrainedModel, embedding: Tensor, ids: Tensor) -> Neighbours:
    known = torch.from_numpy(workspace.store.arrays(f"embeddings/{trained.key}", ("gallery",))["gallery"]).float()
    index = GalleryIndex.build(known, workspace.gallery.labels, workspace.gallery.ids)
    shared = workspace.splits.shared
    return index.search(embedding, min(NEIGHBOURS, len(index) - shared), without=ids if shared else None)


def _placed(workspace: Workspace, trained: TrainedModel, embedding: Tensor) -> Tensor:
    """Places on the study's main map, between the nearest images that are drawn there."""
    maps: Any = workspace.store.table(f"parts/map/{trained.key}")
    drawn = maps[maps.projection == maps.projection.iloc[0]]
    stored = workspace.store.arrays(f"embeddings/{trained.key}", ("test", "adversarial"))
    count = int((drawn.kind == "clean").sum())
    known = torch.cat([torch.from_numpy(stored[kind][:count]).float() for kind in ("test", "adversarial")])
    return barycentre(embedding, known, torch.from_numpy(drawn[["u", "v"]].to_numpy(dtype=np.float32, copy=True)))
