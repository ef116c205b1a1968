"""Attacks that run now, on the study's own models. Torch is imported inside these functions only."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from board.studies import MissingPartError, View

if TYPE_CHECKING:
    from tla.threat import Norm


class Walked(NamedTuple):
    """One attack on one image, as it went.

    Attributes:
        before: Probabilities of the clean image, shape (k,).
        images: Every iterate, shape (s, c, h, w), numbers in [0, 1].
        probabilities: Of every iterate, shape (s, k).
        labels: "step 3", or "restart 1, step 3", one for each iterate.
        adversarial: What the attack returns, shape (c, h, w).
        after: Its probabilities, shape (k,).
        success: True if it has what it wanted.
        distance: Its distance from the clean image in the norm of the threat.
        queries: Forward passes.
        seconds: Time of the attack, measured here and now.
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


class Order(NamedTuple):
    """What is asked of an attack.

    Attributes:
        attack: Name in the registry.
        parameters: Its parameters, as (name, value) pairs.
        norm: Norm of the threat.
        eps: Radius in pixel units.
        seed: Of the random numbers.
        target: Class that shall be predicted; None for any but the true one.
    """

    attack: str
    parameters: tuple[tuple[str, Any], ...]
    norm: "Norm"
    eps: float
    seed: int
    target: int | None


def model_file(view: View, method: str, seed: int) -> Path:
    """The weights of a model of the study."""
    return view.path / "models" / f"{method}-seed{seed}" / "model.safetensors"


def living(view: View, seed: int) -> list[str]:
    """Methods whose weights the study holds."""
    return [method for method in view.methods if model_file(view, method, seed).exists()]


@st.cache_resource(show_spinner="Loading PyTorch …")
def _attacks() -> Any:
    from tla.attacks import ATTACKS

    ATTACKS.names()
    return ATTACKS


def attack_names() -> list[str]:
    """Every registered attack, PGD first."""
    return sorted(_attacks().names(), key=lambda name: (name != "pgd", name))


def attack_class(name: str) -> type:
    """The dataclass of an attack."""
    return _attacks().get(name)


def walk(view: View, method: str, seed: int, image: np.ndarray, y: int, order: Order) -> Walked:
    """Attack one image; the same order on the same model is answered from memory.

    Args:
        view: The study.
        method: Whose model.
        seed: Its training seed.
        image: Shape (c, h, w), numbers in [0, 1].
        y: True class.
        order: What to do.

    Raises:
        MissingPartError: if the study does not hold the model.
        ValueError: for parameters that the attack refuses.
    """
    file = model_file(view, method, seed)
    if not file.exists():
        raise MissingPartError(f"The study {view.name!r} does not hold the weights of {method}, seed {seed}.")
    return _walk(str(file), file.stat().st_mtime_ns, image, y, order)


def probabilities(view: View, method: str, seed: int, image: np.ndarray) -> np.ndarray:
    """What a model makes of an image: probabilities, shape (k,)."""
    import torch

    file = model_file(view, method, seed)
    model = _model(str(file), file.stat().st_mtime_ns)
    with torch.no_grad():
        return model(torch.from_numpy(image)[None]).logits.softmax(1)[0].numpy()


def nearest(view: View, method: str, seed: int, image: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the study's gallery nearest to an image in the model's embedding, and their distances, both (k,)."""
    import torch

    from tla.nearest import nearest as search

    file = model_file(view, method, seed)
    gallery = torch.from_numpy(view.arrays(f"embeddings/{method}-seed{seed}")["gallery"].copy())
    with torch.no_grad():
        query = _model(str(file), file.stat().st_mtime_ns)(torch.from_numpy(image)[None]).embedding
    found = search(query, gallery, min(k, len(gallery)))
    return found.position[0].numpy(), found.distance[0].numpy()


@st.cache_resource(show_spinner="Loading the model …", max_entries=24)
def _model(file: str, stamp: int) -> Any:
    import torch

    from tla.training import load_model

    saved = load_model(Path(file))
    model = saved.model.eval().requires_grad_(False)
    blank = torch.zeros(1, *saved.header["shape"], requires_grad=True)
    model(blank).logits.sum().backward()  # the first pass sets kernels up; what is timed later shall not
    return model


@st.cache_data(show_spinner="Attacking …", max_entries=512)
def _walk(file: str, stamp: int, image: np.ndarray, y: int, order: Order) -> Walked:
    import torch

    from tla.attacks import ATTACKS, Targeted, Untargeted
    from tla.seeding import generator
    from tla.threat import Threat

    model = _model(file, stamp)
    x = torch.from_numpy(image)[None]
    attack = ATTACKS.build(order.attack, **dict(order.parameters))
    goal = Untargeted(torch.tensor([y])) if order.target is None else Targeted(torch.tensor([order.target]))
    threat = Threat(order.norm, order.eps)
    film = _Film()
    begun = time.perf_counter()
    result = attack(model, x, goal, threat, generator=generator(order.seed, "dashboard"), on_step=film)
    seconds = time.perf_counter() - begun
    with torch.no_grad():
        before, after = (model(images).logits.softmax(1)[0].numpy() for images in (x, result.adversarial))
    film.end(result.adversarial[0].numpy(), after)
    return Walked(
        before=before,
        images=np.stack(film.images),
        probabilities=np.stack(film.probabilities),
        labels=film.labels(),
        adversarial=result.adversarial[0].numpy(),
        after=after,
        success=bool(result.success[0]),
        distance=float(result.distance[0]),
        queries=int(result.queries[0]),
        seconds=seconds,
    )


def smallest_eps(view: View, method: str, seed: int, image: np.ndarray, y: int, order: Order) -> float | None:
    """The smallest eps, up to that of the order, at which this attack reaches its goal: ten halvings.

    An upper bound on the distance to the decision: another attack may need less.

    Returns:
        None if the attack fails at the order's own eps.
    """
    if not walk(view, method, seed, image, y, order).success:
        return None
    low, high = 0.0, order.eps
    for _ in range(10):
        middle = (low + high) / 2
        if walk(view, method, seed, image, y, order._replace(eps=middle)).success:
            high = middle
        else:
            low = middle
    return high


class _Film:
    """An `on_step` that keeps the iterates of one image and what the model says about them."""

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.probabilities: list[np.ndarray] = []
        self.places: list[tuple[int, int]] = []

    def __call__(self, step: Any) -> None:
        if not len(step.rows):
            return
        self.images.append(step.images[0].float().numpy().copy())
        self.probabilities.append(step.outputs.logits[0].float().softmax(0).numpy())
        self.places.append((step.restart, step.index))

    def end(self, adversarial: np.ndarray, after: np.ndarray) -> None:
        """The returned image is the last one, where it is not already."""
        if not self.images or not np.array_equal(self.images[-1], adversarial):
            self.images.append(adversarial)
            self.probabilities.append(after)
            self.places.append((-1, -1))

    def labels(self) -> list[str]:
        """Words for each picture."""
        many = any(restart > 0 for restart, _ in self.places)
        said = {True: "restart {0}, step {1}", False: "step {1}"}[many]
        return ["result" if step < 0 else said.format(restart, step) for restart, step in self.places]
