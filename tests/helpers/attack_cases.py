"""Every registered attack, quick enough for a test; linear models whose minimal perturbation is known."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from tla.attacks import ATTACKS
from tla.attacks.search.loop import FirstOrder
from tla.seeding import generator
from tla.types import Outputs

QUICK = {
    "rfgsm": {"share": 10.0},
    "apgd": {"steps": 40},
    "square": {"queries": 100},
    "ddn": {"steps": 40},
    "fmn": {"steps": 100},
    "cw_l2": {"steps": 50, "searches": 4, "learning_rate": 0.05},
    "hopskipjump": {"steps": 6},
}
OWNED = [name for name in ATTACKS.names() if issubclass(ATTACKS.get(name), FirstOrder)]
ALL = ATTACKS.names()
VARIANTS = [
    ("pgd", {"loss": "margin"}),
    ("pgd", {"loss": "dlr", "pursuit": "all_steps"}),
    ("pgd", {"step_size": 0.02, "steps": 60, "pursuit": "last_step"}),
    ("apgd", {"steps": 40, "loss": "ce"}),
    ("apgd", {"steps": 40, "targets": 3}),
]


def quick(name, **parameters):
    """A registered attack with the parameters of its test."""
    return ATTACKS.build(name, **QUICK.get(name, {}) | parameters)


class Linear(nn.Module):
    """Logits W x + b of images of any shape; the embedding is the flattened image."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Outputs:
        flat = x.flatten(1)
        return Outputs(flat @ self.weight.T + self.bias, flat)


class Problem(NamedTuple):
    """A linear model, images, their classes, and each one's distance to the other class."""

    model: Linear
    x: Tensor
    y: Tensor
    distance: Tensor


SHAPES = {1: (36,), 2: (5, 6), 3: (3, 5, 5)}
DUAL = {"linf": 1, "l2": 2, "l1": torch.inf}


def linear_problem(batch, shape, norm, seed=0):
    """Two classes that meet at a plane, and two that never win."""
    source = generator(seed, "linear")
    size = torch.Size(shape).numel()
    weight = torch.zeros(4, size)
    weight[:2] = torch.randn(2, size, generator=source)
    x = 0.5 + 0.06 * (torch.rand(batch, *shape, generator=source) - 0.5)
    normal = weight[0] - weight[1]
    offset = 0.08 * normal.norm(p=DUAL[norm])
    bias = torch.tensor([0.0, float(0.5 * normal.sum() - offset), -20.0, -21.0])
    model = Linear(weight, bias)
    logits = model(x).logits.detach()
    distance = (logits[:, 0] - logits[:, 1]).abs() / normal.norm(p=DUAL[norm])
    return Problem(model, x, logits.argmax(1), distance)


def _evaluate_a_shard(rank, folder):
    import torch.distributed

    from tla.attacks import PGD, Shard, evaluate
    from tla.models import MODELS
    from tla.threat import Threat
    from tla.types import Shape

    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    given = torch.load(folder / "given.pt", weights_only=True)
    model = MODELS.build("small_cnn", width=8, embedding=32).build(Shape(1, 8, 8), 10)
    model.load_state_dict(given["weights"])
    attacks = {"pgd": PGD(steps=5), "fgsm": PGD(steps=1, random_start=False, step_size=0.1)}
    threat, shard = Threat("linf", 0.1), Shard(rank, 2)
    mine = evaluate(model, given["x"], given["y"], attacks, threat, batch=16, precision="fp32", shard=shard)
    frames = [None, None]
    torch.distributed.all_gather_object(frames, mine)
    if rank == 0:
        for number, frame in enumerate(frames):
            frame.to_parquet(folder / f"{number}.parquet")
    torch.distributed.destroy_process_group()


def in_two_processes(folder):
    """The tables of two processes that share the batches, gathered over gloo."""
    import pandas as pd
    import torch.multiprocessing

    torch.multiprocessing.spawn(_evaluate_a_shard, args=(folder,), nprocs=2)
    return [pd.read_parquet(folder / f"{number}.parquet") for number in range(2)]


def rng_states():
    """The global random states of torch and numpy, comparable."""
    import numpy as np

    return torch.get_rng_state().tolist(), str(np.random.get_state())  # noqa: NPY002 - the global one is the subject
