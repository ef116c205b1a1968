"""Attacks on the study's models that run now. Torch is imported inside these functions only."""

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from board.forms import LARGEST
from board.lab_models import LabModel, lab_model, load, threads_for
from board.running import is_here, visitor
from board.studies import View
from tla.machine import threads
from tla.widgets.filming import film_attack

if TYPE_CHECKING:
    from tla.threat import Norm


class LiveAttack(NamedTuple):
    """One attack on one image, step by step.

    Attributes:
        before: Probabilities of the clean image, shape (k,).
        images: Every iterate, shape (s, c, h, w), numbers in [0, 1].
        probabilities: Of every iterate, shape (s, k).
        labels: "step 3", or "restart 1, step 3", one for each iterate.
        adversarial: The image that the attack returns, shape (c, h, w).
        after: Its probabilities, shape (k,).
        success: True if it reached its goal.
        distance: Distance from the clean image in the norm of the threat.
        queries: Forward passes.
        seconds: Seconds that it took on this machine.
        ended: When it ended, seconds since 1970: a result may come from the cache.
    """

    before: np.ndarray
    images: np.ndarray
    probabilities: np.ndarray
    labels: list[str]
    adversarial: np.ndarray
    after: np.ndarray
    success: bool
    distance: float
    queries: int
    seconds: float
    ended: float


class AttackSettings(NamedTuple):
    """An attack and everything that its result depends on, apart from model and image.

    Attributes:
        attack: Name in the registry.
        parameters: Its parameters, as (name, value) pairs.
        norm: Norm of the threat.
        eps: Radius in pixel units.
        seed: Random seed.
        target: The class to reach; None for any wrong one.
    """

    attack: str
    parameters: tuple[tuple[str, Any], ...]
    norm: "Norm"
    eps: float
    seed: int
    target: int | None


@st.cache_resource(show_spinner="Loading PyTorch …")
def _attacks() -> dict[str, type]:
    from tla.attacks.base import ATTACKS, evaluation_attacks

    return {name: ATTACKS.get(name) for name in evaluation_attacks()}


def attack_names() -> list[str]:
    """Every attack that stays in the ball, PGD first."""
    return list(_attacks())


def attack_class(name: str) -> type:
    """The dataclass of an attack."""
    return _attacks()[name]


def run_attack(view: View, method: str, seed: int, image: np.ndarray, y: int, settings: AttackSettings) -> LiveAttack:
    """Attack one image; results are cached.

    Args:
        view: The study.
        method: Whose model.
        seed: Its training seed.
        image: Shape (c, h, w), numbers in [0, 1].
        y: True class.
        settings: The attack.

    Raises:
        MissingDataError: if the study does not have the model's weights.
        ValueError: for parameters that the attack rejects.
    """
    return _attack(lab_model(view, method, seed), image, y, settings)


def probabilities(view: View, method: str, seed: int, image: np.ndarray) -> np.ndarray:
    """Class probabilities of an image, shape (k,)."""
    import torch

    model = load(lab_model(view, method, seed))
    with torch.no_grad():
        return model(torch.from_numpy(image)[None]).logits.softmax(1)[0].numpy()


def nearest(
    view: View, method: str, seed: int, image: np.ndarray, k: int, without: int = -1
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the study's gallery nearest to an image in the model's embedding, and their distances, both (k,).

    Args:
        view: The study.
        method: Whose model.
        seed: Its training seed.
        image: Shape (c, h, w), numbers in [0, 1].
        k: How many.
        without: Row of the gallery to leave out, -1 for none.
    """
    import torch

    from tla.nearest import nearest as search

    gallery = torch.from_numpy(view.arrays(f"embeddings/{method}-seed{seed}")["gallery"].copy())
    with torch.no_grad():
        query = load(lab_model(view, method, seed))(torch.from_numpy(image)[None]).embedding
    left_out = None if without < 0 else torch.tensor([without])
    found = search(query, gallery, min(k, len(gallery) - (without >= 0)), without=left_out)
    return found.position[0].numpy(), found.distance[0].numpy()


def gallery_row(view: View, image: np.ndarray) -> int:
    """Row of the gallery that is the image itself, where test images are compared with each other; -1 if none is."""
    if not view.shared:
        return -1
    same = (view.arrays("images")["gallery"] == np.rint(image * 255).astype(np.uint8)).all(axis=(1, 2, 3))
    return int(same.argmax()) if same.any() else -1


@st.cache_data(show_spinner="Attacking …", max_entries=512)
def _attack(lab: LabModel, image: np.ndarray, y: int, settings: AttackSettings) -> LiveAttack:
    import torch

    from tla.attacks import ATTACKS, Targeted, Untargeted
    from tla.seeding import generator
    from tla.threat import Threat

    model = load(lab)
    x = torch.from_numpy(image)[None]
    attack = ATTACKS.build(settings.attack, **dict(settings.parameters))
    check_length(attack)
    goal = Untargeted(torch.tensor([y])) if settings.target is None else Targeted(torch.tensor([settings.target]))
    threat = Threat(settings.norm, settings.eps)
    source = generator(settings.seed, "dashboard")
    with threads(threads_for(lab)):
        film = film_attack(model, x, goal, threat, attack, generator=source, before_step=stop_if_gone)
    result = film.result
    return LiveAttack(
        before=film.before,
        images=film.images,
        probabilities=film.probabilities,
        labels=film.labels,
        adversarial=result.adversarial[0].numpy(),
        after=film.after,
        success=bool(result.success[0]),
        distance=float(result.distance[0]),
        queries=int(result.queries[0]),
        seconds=film.seconds,
        ended=time.time(),
    )


MOST_RECORDED, MOST_PASSES = LARGEST, 20_000
"""Forward passes of a live attack on one image: of one whose steps are shown, and of any other."""


def check_length(attack: Any) -> None:
    """Refuse an attack that would run for minutes.

    Raises:
        ValueError: says how many forward passes it makes and where there is no bound.
    """
    plan = attack.plan() if hasattr(attack, "plan") else None
    sizes = {name: value for name, value in vars(attack).items() if type(value) is int}
    if plan is not None:
        passes, most = sum(phase.steps + 1 for phase in plan.phases), MOST_RECORDED
    else:
        passes, most = max(1, sizes.get("steps", 1) * sizes.get("queries", 1) * sizes.get("restarts", 1)), MOST_PASSES
        if {"first_samples", "most_samples"} <= set(sizes):
            samples = (sizes["first_samples"] * (step + 1) ** 0.5 for step in range(sizes["steps"]))
            passes = round(sum(min(sizes["most_samples"], count) for count in samples))
    if passes > most:
        raise ValueError(
            f"this attack makes up to {passes:,} forward passes on an image, the dashboard at most {most:,}; "
            "lower its steps or restarts, or run `tla attack`, which has no bound"
        )


class PageClosedError(RuntimeError):
    """The page that started an attack was closed."""


def stop_if_gone() -> None:
    """End an attack whose page was closed.

    Raises:
        PageClosedError: if the visitor has left.
    """
    who = visitor()
    if who and not is_here(who):
        raise PageClosedError("the page was closed: the attack stopped")


def smallest_eps(
    view: View, method: str, seed: int, image: np.ndarray, y: int, settings: AttackSettings
) -> float | None:
    """The smallest eps at which this attack reaches its goal, by ten bisections of 0..settings.eps.

    An upper bound on the distance to the decision boundary: another attack may need less.

    Returns:
        None if the attack fails at settings.eps.
    """
    if not run_attack(view, method, seed, image, y, settings).success:
        return None
    low, high = 0.0, settings.eps
    for _ in range(10):
        middle = (low + high) / 2
        if run_attack(view, method, seed, image, y, settings._replace(eps=middle)).success:
            high = middle
        else:
            low = middle
    return high
