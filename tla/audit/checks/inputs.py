"""Are the images what the model expects, in the units of eps?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.statistics.exact import sign_test

USUAL = {
    "MNIST's constants": ((0.1307,), (0.3081,)),
    "CIFAR-10's constants": ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    "ImageNet's constants": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "mean 0.5 and std 0.5": ((0.5,), (0.5,)),
}


class Scaling(NamedTuple):
    """One way to normalise: x becomes (x - mean) / std, per channel."""

    name: str
    mean: Tensor
    std: Tensor


class Gain(NamedTuple):
    """A scaling that raises clean accuracy: whether it is the model's own, and the sentence about it."""

    own: bool
    sentence: str


@CHECKS.register("inputs")
@dataclass(frozen=True, kw_only=True)
class Inputs(Check):
    """Images are in the declared box and use it, and are normalised exactly once.

    FAIL: a pixel outside the box or not finite; or undoing one of the model's own normalisations (x std + mean, with
    the constants of every module that has a mean and a std) raises clean accuracy by more than `gain`, and
    significantly (one-sided exact McNemar, p < `significance` over the number of tries). WARN: undoing or applying
    one of the usual normalisations does; two modules normalise; or all images together use less than a tenth of the
    box (scaled twice?). With a wrong scale, eps is not what it claims to be. Source: Carlini et al. 2019, checklist.

    Args:
        gain: Smallest rise of clean accuracy that matters.
        significance: Level over all tries.
    """

    number = 4
    title = "inputs"
    level = "quick"
    gain: float = 0.02
    significance: float = 0.001

    def __call__(self, context: Context) -> Verdict:
        """FAIL if images are outside the box or wrongly scaled."""
        outside = self._outside(context)
        if outside is not None:
            return outside
        own = _normalisers(context.original, context.x.shape[1] if context.x.ndim == 4 else 1)
        better = self._rescaled(context, own)
        if better is not None:
            advice = "Normalise once, inside the model, and pass images in the declared box, where eps is measured."
            return self.say(context, "FAIL" if better.own else "WARN", better.sentence, advice)
        low, high = (float(edge) for edge in context.x.aminmax())
        span = f"values span [{low:.3g}, {high:.3g}] in the box {_box(context)}"
        if high - low < 0.1 * (context.threat.high - context.threat.low):
            return self.say(context, "WARN", span, "Were the pixels scaled twice? Next to them eps would then be huge.")
        if len(own) > 1:
            names = ", ".join(item.name for item in own)
            evidence = f"{len(own)} modules normalise ({names}); undoing one does not raise clean accuracy"
            return self.say(context, "WARN", evidence, "Keep one of them, or explain why there are several.")
        return self.say(context, "OK", f"{span}; no other scaling raises clean accuracy")

    def _outside(self, context: Context) -> Verdict | None:
        flat, threat = context.x.flatten(1), context.threat
        outside = ~torch.isfinite(flat).all(1) | (flat.amin(1) < threat.low) | (flat.amax(1) > threat.high)
        if not bool(outside.any()):
            return None
        span = f"[{float(flat.min()):.3g}, {float(flat.max()):.3g}]"
        count = int(outside.sum())
        evidence = f"{count} of {context.n} images are outside the declared box {_box(context)}: values span {span}"
        advice = "Pass images before normalisation (it belongs inside the model), or declare their box."
        return self.say(context, "FAIL", evidence, advice, outside)

    def _rescaled(self, context: Context, own: list[Scaling]) -> Gain | None:
        """The scaling that raises clean accuracy most, if one does; the model's own come first."""
        x, right = context.x, context.correct
        if x.ndim != 4:
            return None
        usual = [Scaling(name, _column(mean, x), _column(std, x)) for name, (mean, std) in USUAL.items()]
        usual = [item for item in usual if item.mean.shape[1] in (1, x.shape[1])]
        tries = [(True, "undoing", item) for item in own]
        tries += [(False, word, item) for item in usual for word in ("undoing", "applying")]
        wrong = ~right  # none of them can be mended by enough: no scaling has to be tried
        if float(wrong.float().mean()) <= self.gain or sign_test(int(wrong.sum()), 0) >= self.significance / len(tries):
            return None
        found: list[tuple[bool, float, str]] = []
        for mine, word, (name, mean, std) in tries:
            mean, std = mean.to(x), std.to(x)
            better = context.predictions(x * std + mean if word == "undoing" else (x - mean) / std) == context.y
            before, after = float(right.float().mean()), float(better.float().mean())
            p = sign_test(int((better & ~right).sum()), int((right & ~better).sum()))
            if after - before > self.gain and p < self.significance / len(tries):
                change = f"raises clean accuracy from {before:.3f} to {after:.3f} (McNemar p = {p:.1g})"
                found.append((mine, after, f"{word} a normalisation ({name}) {change}"))
        if not found:
            return None
        mine, _, sentence = max(found)
        return Gain(mine, sentence)


def _box(context: Context) -> str:
    return f"[{context.threat.low:g}, {context.threat.high:g}]"


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).reshape(1, -1, 1, 1)


def _normalisers(model: nn.Module, channels: int) -> list[Scaling]:
    """The modules with a mean and a std that change something."""
    found = []
    for name, module in model.named_modules():
        mean, std = (_constant(getattr(module, word, None), channels) for word in ("mean", "std"))
        if mean is None or std is None:
            continue
        if bool((mean != 0).any()) or bool((std != 1).any()):
            found.append(Scaling(f"module {name or type(module).__name__}", mean, std))
    return found


def _constant(value: object, channels: int) -> Tensor | None:
    """Per-channel constants of a module, shape (1, channels or 1, 1, 1); None if it is anything else."""
    if not isinstance(value, Tensor | list | tuple | float):
        return None
    try:
        tensor = torch.as_tensor(value, dtype=torch.float32).detach().flatten()
    except (TypeError, ValueError):
        return None
    return tensor.reshape(1, -1, 1, 1) if tensor.numel() in (1, channels) else None
