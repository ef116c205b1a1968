"""Detection scores under an adaptive attack: one that evades the detector as well."""

import dataclasses
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from tla.attacks import Attack, EvadeDetector, Untargeted
from tla.attacks.search.loop import with_pursuit
from tla.devices import float64_device
from tla.models.network.copying import working_copy
from tla.precision import autocast
from tla.representation import DETECTORS, HeldOutScore, Score, detection_frame, embed, fit_held_out
from tla.retrieval import GalleryIndex
from tla.seeding import generator
from tla.study.outputs import ModelOutputs
from tla.study.workspace import TrainedModel, Workspace
from tla.threat import Threat
from tla.types import Model, Outputs


def adaptive_frames(
    workspace: Workspace,
    trained: TrainedModel,
    outputs: ModelOutputs,
    index: GalleryIndex,
    detectors: tuple[str, ...],
) -> list[pd.DataFrame]:
    """The adaptive rows of the table `detection`: every detector in `analysis.adaptive` at every radius.

    The detectors are fitted on the model's device if it has float64, so that the attack stays on it; the index finds
    their neighbours.

    Args:
        workspace: Of the run.
        trained: Which model.
        outputs: Its outputs.
        index: The gallery of its natural embeddings.
        detectors: Those that can be fitted.
    """
    plan, device = workspace.study.attack, float64_device(workspace.device)
    model = working_copy(workspace.model(trained), torch.channels_last)
    y, frames = outputs.y.to(device), []
    clean, gallery = (_on(device, of) for of in (outputs.clean, outputs.gallery))
    without = None if outputs.without is None else outputs.without.to(device)
    count, radii = count_of(workspace), [*outputs.adversarial]
    if count < len(workspace.queries) and workspace.study.analysis.adaptive_images is None:
        radii = [plan.eps]
    rows = torch.arange(count)
    clean, y, ids = Outputs(*(tensor[:count] for tensor in clean)), y[:count], outputs.ids[:count]
    for name in (name for name in workspace.study.analysis.adaptive if name in detectors and count):
        score = fit_held_out(DETECTORS.build(name), gallery, outputs.gallery_y.to(device), without, index.positions)
        some = score.select(rows.to(device)) if isinstance(score, HeldOutScore) else score
        for eps in radii:
            source = generator(workspace.seed(trained, "adaptive"), name, f"{eps:g}", device=workspace.device)
            moved = _evade(workspace, model, some, Threat(plan.norm, eps), source, rows)
            attacked = _on(device, embed(model, moved, workspace.at_most(512)))
            frame = detection_frame({name: some}, clean, attacked, y, ids=ids, adaptive=True)
            frame.insert(0, "attack", plan.main)
            frame.insert(1, "eps", eps)
            frames.append(frame)
    return frames


def count_of(workspace: Workspace) -> int:
    """On how many images the adaptive attacks run."""
    asked, count = workspace.study.analysis.adaptive_images, len(workspace.queries)
    return min(workspace.few(count, 0.8) if asked is None else asked, count)


def _evade(
    workspace: Workspace, model: Model, score: Score, threat: Threat, source: torch.Generator, images: Tensor
) -> Tensor:
    """Adversarial images of the main attack against a detector, in batches, at the precision of the evaluation."""
    plan, queries = workspace.study.attack, workspace.queries
    here = ScoreElsewhere(score, float64_device(workspace.device))
    attack, adversarial = without_early_stop(plan.suite[plan.main]), []
    for rows in images.split(workspace.batch):
        batch = queries.subset(rows)
        x = batch.floats().to(workspace.device, memory_format=torch.channels_last)
        goal = EvadeDetector(Untargeted(batch.labels.to(workspace.device), "margin"), here.select(rows))
        with autocast(workspace.device, plan.precision):
            adversarial.append(attack(model, x, goal, threat, generator=source).adversarial)
    return torch.cat(adversarial)


@dataclass(frozen=True)
class ScoreElsewhere:
    """A score for outputs on a device on which it was not fitted.

    Args:
        score: The score.
        fitted: Where it computes.
    """

    score: Score
    fitted: torch.device

    def __call__(self, outputs: Outputs) -> Tensor:
        """How suspicious each image is, on the outputs' device; shape (b,)."""
        return self.score(_on(self.fitted, outputs)).to(outputs.logits.device)

    def select(self, rows: Tensor) -> "ScoreElsewhere":
        """The score of some of the images (positions or a mask)."""
        if not isinstance(self.score, HeldOutScore):
            return self
        return replace(self, score=self.score.select(rows.to(self.fitted)))


def _on(device: torch.device, outputs: Outputs) -> Outputs:
    return Outputs(*(tensor.to(device) for tensor in outputs))


def without_early_stop(attack: Attack) -> Attack:
    """The same attack without restarts, running all its steps on every image."""
    fields = {field.name for field in dataclasses.fields(attack)}
    once = dataclasses.replace(attack, restarts=1) if "restarts" in fields else attack  # pyright: ignore[reportCallIssue]
    return with_pursuit(once, "all_steps")
