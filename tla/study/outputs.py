"""A model's outputs on everything that the study looks at."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.representation import embed
from tla.seeding import generator
from tla.study.attack import key
from tla.study.workspace import Trained, Workspace
from tla.threat import Threat
from tla.types import Outputs


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Outputs of one model, all on the CPU.

    Args:
        gallery: Of the natural training images.
        gallery_y: Their classes, shape (m,).
        gallery_ids: Their positions in the training split, shape (m,).
        clean: Of the clean test images.
        noise: Of the same images with uniform noise as large as the attack: the zero point of the shift.
        adversarial: Of the same images attacked, by radius; the training radius comes first.
        y: True classes, shape (n,).
        ids: Positions in the test split, shape (n,).
    """

    gallery: Outputs
    gallery_y: Int[Tensor, " m"]
    gallery_ids: Int[Tensor, " m"]
    clean: Outputs
    noise: Outputs
    adversarial: dict[float, Outputs]
    y: Int[Tensor, " n"]
    ids: Int[Tensor, " n"]

    @property
    def main(self) -> Outputs:
        """Of the images attacked at the training radius."""
        return next(iter(self.adversarial.values()))


def embedded(workspace: Workspace, trained: Trained) -> Embedded:
    """Run a model once over gallery, clean, noisy and adversarial images, in float32."""
    plan, model, queries = workspace.study.attack, workspace.model(trained), workspace.queries
    arrays = workspace.store.arrays(f"adversarial/{trained.key}")
    radii = [plan.eps, *(eps for eps in plan.detection_eps if abs(eps - plan.eps) > 1e-9)]
    clean = queries.floats()
    return Embedded(
        gallery=_cpu(embed(model, workspace.gallery.pixels)),
        gallery_y=workspace.gallery.labels,
        gallery_ids=workspace.gallery.ids,
        clean=_cpu(embed(model, clean)),
        noise=_cpu(embed(model, _noisy(clean, plan.threat, workspace.seed(trained, "noise")))),
        adversarial={eps: _cpu(embed(model, torch.from_numpy(arrays[key(plan.main, eps)]))) for eps in radii},
        y=queries.labels,
        ids=queries.ids,
    )


def _noisy(x: Float[Tensor, "n c h w"], threat: Threat, seed: int) -> Float[Tensor, "n c h w"]:
    return threat.start(x, generator(seed, "noise"))


def _cpu(outputs: Outputs) -> Outputs:
    return Outputs(*(part.cpu() for part in outputs))
