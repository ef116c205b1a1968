"""A model's outputs on all images of the study."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from tla.data import Images
from tla.nearest import find_ids
from tla.representation import embed
from tla.seeding import generator
from tla.study.attack import array_name
from tla.study.workspace import TrainedModel, Workspace
from tla.threat import Threat
from tla.types import Model, Outputs


@dataclass(frozen=True, kw_only=True)
class ModelOutputs:
    """Outputs of one model, all on the CPU.

    Args:
        gallery: On the natural training images.
        gallery_y: Their classes, shape (m,).
        gallery_ids: Their positions in the training split, shape (m,).
        clean: On the clean test images.
        noise: On the same images with uniform noise of the attack's size: the zero point of the shift.
        adversarial: On the adversarial images, by radius; the study's eps comes first.
        y: True classes, shape (n,).
        ids: Positions in the test split, shape (n,).
        shared: True if the gallery is of the test split too, so that gallery_ids are positions in that split.
    """

    gallery: Outputs
    gallery_y: Int[Tensor, " m"]
    gallery_ids: Int[Tensor, " m"]
    clean: Outputs
    noise: Outputs
    adversarial: dict[float, Outputs]
    y: Int[Tensor, " n"]
    ids: Int[Tensor, " n"]
    shared: bool = False

    @property
    def without(self) -> Int[Tensor, " n"] | None:
        """Position of each test image in the gallery, -1 if it is not there; None for a gallery of another split."""
        return find_ids(self.ids, self.gallery_ids) if self.shared else None

    @property
    def main(self) -> Outputs:
        """On the images attacked at the study's eps."""
        return next(iter(self.adversarial.values()))


def model_outputs(workspace: Workspace, trained: TrainedModel) -> ModelOutputs:
    """Run a model once over gallery, clean, noisy and adversarial images, in float32."""
    plan, model, queries = workspace.study.attack, workspace.model(trained), workspace.queries
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    batch = workspace.at_most(512)

    def attacked(eps: float) -> Outputs:
        name = array_name(plan.main, eps)
        images = workspace.store.arrays(f"adversarial/{trained.key}", (name,))[name]
        return _cpu(embed(model, torch.from_numpy(images), batch))

    return ModelOutputs(
        gallery=_cpu(embed(model, workspace.gallery.pixels, batch)),
        gallery_y=workspace.gallery.labels,
        gallery_ids=workspace.gallery.ids,
        clean=_cpu(embed(model, queries.pixels, batch)),
        noise=_noisy(model, queries, plan.threat, workspace.seed(trained, "noise"), batch),
        adversarial={eps: attacked(eps) for eps in radii},
        y=queries.labels,
        ids=queries.ids,
        shared=workspace.splits.shared,
    )


def _noisy(model: Model, queries: Images, threat: Threat, seed: int, batch: int) -> Outputs:
    """Outputs for images with noise of the attack's size; for linf, whose draws follow one another, part by part."""
    source, size = generator(seed, "noise"), batch if threat.norm == "linf" else len(queries)
    parts = [
        _cpu(embed(model, threat.start(queries.floats(rows), source), batch))
        for rows in torch.arange(len(queries)).split(size)
    ]
    return Outputs(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _cpu(outputs: Outputs) -> Outputs:
    return Outputs(*(tensor.cpu() for tensor in outputs))
