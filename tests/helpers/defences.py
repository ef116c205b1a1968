"""Broken defences: each looks robust to a careless evaluation, for one reason that the audit must name."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tla.attacks.base import Attack, AttackResult
from tla.attacks.pgd import PGD
from tla.types import Outputs


class Wrapped(nn.Module):
    """A defence in front of, or behind, a sound model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, x: Tensor) -> Outputs:
        return self.model(x)


class Quantised(Wrapped):
    """The input is rounded to a few grey levels: the gradient is zero everywhere (thermometer, Buckman et al. 2018)."""

    levels = 4

    def forward(self, x: Tensor) -> Outputs:
        return self.model((x * self.levels).round() / self.levels)


class Detached(Wrapped):
    """The gradient is cut altogether."""

    def forward(self, x: Tensor) -> Outputs:
        return self.model(x.detach())


class DeadReLU(Wrapped):
    """Pixels pass through two saturated ReLUs, constant except on a sliver around 1/2."""

    slope = 1e4

    def forward(self, x: Tensor) -> Outputs:
        ramp = self.slope * (x - 0.5)
        return self.model(functional.relu(ramp + 0.5) - functional.relu(ramp - 0.5))


class Softmax(Wrapped):
    """Probabilities instead of logits."""

    def forward(self, x: Tensor) -> Outputs:
        outputs = self.model(x)
        return Outputs(outputs.logits.softmax(1), outputs.embedding)


class Temperature(Wrapped):
    """Logits 100 times larger, as after defensive distillation (Papernot et al. 2016)."""

    factor = 100.0

    def forward(self, x: Tensor) -> Outputs:
        outputs = self.model(x)
        return Outputs(outputs.logits * self.factor, outputs.embedding)


class RandomResize(Wrapped):
    """Every forward pass resizes and shifts the image at random (Xie et al. 2018)."""

    def forward(self, x: Tensor) -> Outputs:
        size = int(torch.randint(6, 9, ()))
        smaller = functional.interpolate(x, size=(size, size), mode="nearest")
        left = int(torch.randint(0, 9 - size, ()))
        return self.model(functional.pad(smaller, (left, 8 - size - left, 0, 8 - size)))


class Dropout(Wrapped):
    """Dropout on the pixels; left on by `layer.train()`, or always on through `functional`."""

    def __init__(self, model: nn.Module, always: bool = False) -> None:
        super().__init__(model)
        self.layer = nn.Dropout(0.2)
        self.always = always
        self.eval()
        self.layer.train()

    def forward(self, x: Tensor) -> Outputs:
        return self.model(functional.dropout(x, 0.2, training=True) if self.always else self.layer(x))


class BatchStatistics(Wrapped):
    """Every prediction depends on the batch: its mean is subtracted."""

    def forward(self, x: Tensor) -> Outputs:
        return self.model((x - x.mean(0) + 0.3).clamp(0, 1))


class Adapting(Wrapped):
    """A buffer changes with every forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, x: Tensor) -> Outputs:
        self.shift.add_(1e-7)
        return self.model(x)


class Normalise(nn.Module):
    """Subtracts the mean and divides by the standard deviation."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = torch.tensor([mean]), torch.tensor([std])

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class NormalisedTwice(Wrapped):
    """The network expects normalised images; its wrapper normalises, and so does another."""

    def __init__(self, model: nn.Module, times: int = 2) -> None:
        super().__init__(model)
        self.wrappers = nn.Sequential(*(Normalise(0.5, 0.2) for _ in range(times)))
        self.eval()

    def forward(self, x: Tensor) -> Outputs:
        return self.model(self.wrappers(x) * 0.2 + 0.5)


class Steep(Wrapped):
    """A high-frequency ripple on the logits: gradients point anywhere (shattered; Athalye et al. 2018)."""

    height = 0.3

    def forward(self, x: Tensor) -> Outputs:
        outputs = self.model(x)
        phase = x.flatten(1).mean(1, keepdim=True) * 1e5
        waves = torch.sin(phase * torch.arange(1, outputs.logits.shape[1] + 1, device=x.device))
        return Outputs(outputs.logits + self.height * waves, outputs.embedding)


class LogitsOnly(Wrapped):
    """A user's model: bare logits."""

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x).logits


class NotANumber(Wrapped):
    """NaN for some images."""

    def forward(self, x: Tensor) -> Outputs:
        outputs = self.model(x)
        bad = (x.flatten(1).mean(1, keepdim=True) > 0.3).float()
        return Outputs(outputs.logits / (1 - bad) - bad / (1 - bad), outputs.embedding)


class WrongShape(Wrapped):
    """One prediction per pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x).logits[:, :, None, None].expand(-1, -1, 8, 8)


class Raising(Wrapped):
    """Raises."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


@dataclass(frozen=True, kw_only=True)
class Overwriting(Attack):
    """PGD whose last restart, a random point, overwrites what the first one found."""

    steps: int = 20

    def __call__(self, model, x, goal, threat, *, generator=None, on_step=None) -> AttackResult:
        PGD(steps=self.steps, loss="margin")(model, x, goal, threat, generator=generator, on_step=on_step)
        return Noise()(model, x, goal, threat, generator=generator)


@dataclass(frozen=True, kw_only=True)
class Noise(Attack):
    """An attack that returns one random point, without any gradient."""

    def __call__(self, model, x, goal, threat, *, generator=None, on_step=None) -> AttackResult:
        images = threat.start(x, generator)
        with torch.no_grad():
            outputs = model(images)
        ones = torch.ones(len(x), dtype=torch.int64)
        return AttackResult(images, goal.reached(outputs), threat.distance(x, images), goal.value(outputs), ones)


@dataclass(frozen=True, kw_only=True)
class TooFar(Attack):
    """PGD in a ball twice as large as declared."""

    def __call__(self, model, x, goal, threat, *, generator=None, on_step=None) -> AttackResult:
        from dataclasses import replace

        wide = replace(threat, eps=2 * threat.eps)
        return PGD(steps=10, loss="margin")(model, x, goal, wide, generator=generator, on_step=on_step)
