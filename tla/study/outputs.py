"""A model's outputs on all images of the study."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import find_ids
from tla.representation import embed
from tla.seeding import generator
from tla.study.attack import array_name
from tla.study.workspace import TrainedModel, Workspace
from tla.threat import Threat
from tla.types import Outputs


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
    arrays = workspace.store.arrays(f"adversarial/{trained.key}")
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    clean = queries.floats()
    return ModelOutputs(
        gallery=_cpu(embed(model, workspace.gallery.pixels)),
        gallery_y=workspace.gallery.labels,
        gallery_ids=workspace.gallery.ids,
        clean=_cpu(embed(model, clean)),
        noise=_cpu(embed(model, _noisy(clean, plan.threat, workspace.seed(trained, "noise")))),
        adversarial={eps: _cpu(embed(model, torch.from_numpy(arrays[array_name(plan.main, eps)]))) for eps in radii},
        y=queries.labels,
        ids=queries.ids,
        shared=workspace.splits.shared,
    )


def _noisy(x: Float[Tensor, "n c h w"], threat: Threat, seed: int) -> Float[Tensor, "n c h w"]:
    return threat.start(x, generator(seed, "noise"))


def _cpu(outputs: Outputs) -> Outputs:
    return Outputs(*(tensor.cpu() for tensor in outputs))
