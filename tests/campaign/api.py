"""Odd arguments of public functions: a result of the right kind, or a ValueError that names the argument."""

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from tally import Tally, command

import tla
from tla.representation import Gallery, measure
from tla.retrieval import GalleryIndex
from tla.types import Outputs


def campaign(tries: int, seed: int) -> Tally:
    """Tensors of odd types, shapes and values in the place of images, labels, radii, embeddings and shapes."""
    rng, tally = random.Random(seed), Tally("API", seed)
    model = tla.load("digits/at")
    images = tla.load_source("digits").load().test
    x, y = images.floats(slice(0, 6)), images.labels[:6]
    calls = list(_calls(model).items())
    for _ in range(tries):
        name, call = rng.choice(calls)
        a, b, eps = _odd(rng, x), _odd(rng, y), rng.choice((0.1, 0.1, _odd(rng, torch.full((6,), 0.1))))
        if rng.random() < 0.4:
            b = y
        elif rng.random() < 0.4:
            a = x
        what = f"{name}: x {_name(a)}, y {_name(b)}, eps {_name(eps)}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = call(a, b, eps)
        except ValueError as error:
            tally.add("held" if str(error) else "silently wrong", what)
        except Exception as error:
            tally.add("traceback", f"{what}: {error!r}"[:300])
        else:
            tally.add("held" if _finite(result) else "silently wrong", what)
    return tally


def _calls(model: Any) -> dict[str, Callable[[Any, Any, Any], Any]]:
    def attacked(attack: Any, a: Any, b: Any, eps: Any) -> Any:
        result = attack(model, a, tla.Untargeted(b), tla.Threat("linf", eps))
        assert float(result.distance.max()) <= float(torch.as_tensor(eps).max()) + 1e-6
        return result.adversarial

    def moved(a: Any, b: Any, eps: Any) -> Any:
        return tla.shift_report(model, a, a, b, a, b, layers=()).images["angle"].to_numpy()

    return {
        "PGD": lambda a, b, eps: attacked(tla.PGD(steps=2), a, b, eps),
        "FGSM": lambda a, b, eps: attacked(tla.FGSM(), a, b, eps),
        "Square": lambda a, b, eps: attacked(tla.Square(queries=3), a, b, eps),
        "evaluate": lambda a, b, eps: tla.evaluate(model, a, b, {"fgsm": tla.FGSM()}, tla.Threat("linf", eps))["value"],
        "transfer": lambda a, b, eps: tla.attacks.transfer({"at": model}, a, b, tla.FGSM(), tla.Threat("linf", eps))[
            "y"
        ],
        "embed": lambda a, b, eps: tla.embed(model, a).logits,
        "shift_report": moved,
        "GalleryIndex": lambda a, b, eps: GalleryIndex.build(a, b).vectors,
        "measure": lambda a, b, eps: measure(Outputs(a, a), Outputs(a, a), b, Gallery(a, b)).images["angle"],
        "build_model": lambda a, b, eps: (
            tla.build_model(tla.MODELS.build("small_cnn"), a, 10, seed=0)(torch.zeros(1, 1, 8, 8)).logits
        ),
        "Images": lambda a, b, eps: tla.Images(a, b, tuple("0123456789"), b).pixels,
    }


def _odd(rng: random.Random, value: torch.Tensor) -> Any:
    floats = value.is_floating_point()
    broken = value.clone().reshape(-1)
    broken[0] = rng.choice((float("nan"), float("inf"), -1.0, 1e9)) if floats else rng.choice((-1, 99, 2**31))
    return rng.choice(
        (
            value,
            value.numpy(),
            value.tolist(),
            value.double(),
            value.half(),
            value.to(torch.uint8),
            value.to(torch.int16),
            value.float().clone().requires_grad_(True),
            value.bool(),
            value[:0],
            value[:3],
            value.reshape(-1),
            value.reshape(len(value), -1),
            value[None],
            broken.reshape(value.shape),
            value * 255 if floats else value * 7,
            value - 3e-8 if floats else value,
            None,
            "x",
            3,
            {},
            (1, 8, 8),
            (0, 0, 0),
            np.array([{}]),
            [[1], [1, 2]],
            value.to(torch.complex64),
            value.bfloat16(),
            tuple(value.tolist()),
        )
    )


def _name(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"{type(value).__name__}" if not isinstance(value, float | int | str | tuple) else repr(value)[:40]


def _finite(result: Any) -> bool:
    return bool(
        np.isfinite(np.asarray(result.detach() if isinstance(result, torch.Tensor) else result, dtype=float)).all()
    )


if __name__ == "__main__":
    command("API", campaign, 1000)
