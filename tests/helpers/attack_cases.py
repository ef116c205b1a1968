"""Every registered attack, with its quick settings; a small trained network; linear models of known robustness."""

import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tla.attacks import ATTACKS, PGD, Untargeted
from tla.attacks.base import evaluation_attacks
from tla.attacks.external.adapter import ExternalAttack
from tla.data import SOURCES
from tla.models import MODELS
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs

ALL = evaluation_attacks()
OWN = [name for name in ALL if not issubclass(ATTACKS.get(name), ExternalAttack)]


def quick(name, **settings):
    """A registered attack with its quick settings."""
    return ATTACKS.build(name, **{**ATTACKS.get(name).quick, **settings})


class Trained(NamedTuple):
    """A network and images that it has not seen."""

    model: nn.Module
    x: Tensor
    y: Tensor


@functools.cache
def trained_on_digits():
    """A small network, trained a little against PGD-5 at eps 0.1, so that attacks differ; 200 test images."""
    splits = SOURCES.build("digits").load()
    x, y = splits.train.floats(), splits.train.labels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS.build("small_cnn", width=8, embedding=32).build(splits.train.shape, 10)
    order, attack = generator(0, "order"), PGD(steps=5, step_size=0.04, pursuit="last_step")
    optimiser = torch.optim.Adam(model.parameters(), 4e-3)
    for _ in range(8):
        for rows in torch.randperm(len(x), generator=order).split(100):
            adversarial = attack(model, x[rows], Untargeted(y[rows]), Threat("linf", 0.1), generator=order).adversarial
            loss = nn.functional.cross_entropy(model(adversarial).logits, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return Trained(model.eval(), splits.test.floats()[:200], splits.test.labels[:200])


class Linear(nn.Module):
    """Logits W x + b of images of any shape; the embedding is the flattened image."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Outputs:
        flat = x.flatten(1)
        return Outputs(flat @ self.weight.T + self.bias, flat)


class LinearProblem(NamedTuple):
    """A linear model, images, their classes, and the distance of each to the other class."""

    model: Linear
    x: Tensor
    y: Tensor
    distance: Tensor


SHAPES = {1: (36,), 2: (5, 6), 3: (3, 5, 5)}
DUAL = {"linf": 1, "l2": 2, "l1": torch.inf}


def linear_problem(batch, shape, norm, seed=0):
    """Two classes separated by a plane, and two that never win."""
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
    return LinearProblem(model, x, logits.argmax(1), distance)


def _evaluate_a_shard(rank, folder):
    import torch.distributed

    from tla.attacks import Shard, evaluate
    from tla.types import Shape

    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=2)
    given = torch.load(folder / "given.pt", weights_only=True)
    model = MODELS.build("small_cnn", width=8, embedding=32).build(Shape(1, 8, 8), 10)
    model.load_state_dict(given["weights"])
    attacks = {"pgd": PGD(steps=5), "fgsm": PGD(steps=1, random_start=False, step_size=0.1)}
    threat, shard = Threat("linf", 0.1), Shard(rank, 2)
    shard_table = evaluate(model, given["x"], given["y"], attacks, threat, batch=16, precision="fp32", shard=shard)
    frames = [None, None]
    torch.distributed.all_gather_object(frames, shard_table)
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
