"""PGD as other libraries have it, behind one call, where they are installed (extra 'peers')."""

import importlib.metadata
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Run = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Peer(ABC):
    """Another library.

    Args:
        name: Of its distribution.
    """

    name: str

    def version(self) -> str | None:
        """Its version; None if it is not installed or cannot be imported."""
        try:
            self.load()
            return importlib.metadata.version(self.name)
        except (ImportError, importlib.metadata.PackageNotFoundError):
            return None

    @abstractmethod
    def load(self) -> object:
        """Import what is needed."""

    @abstractmethod
    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""


class Torchattacks(Peer):
    """torchattacks."""

    def load(self) -> object:
        """Import what is needed."""
        import torchattacks

        return torchattacks

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        import torchattacks

        return torchattacks.PGD(model, eps=eps, alpha=step_size, steps=steps, random_start=True)


class Foolbox(Peer):
    """foolbox."""

    def load(self) -> object:
        """Import what is needed."""
        import foolbox

        return foolbox

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        from foolbox.attacks import LinfPGD
        from foolbox.criteria import Misclassification
        from foolbox.models import PyTorchModel  # pyright: ignore[reportPrivateImportUsage]

        wrapped = PyTorchModel(model, bounds=(0, 1), device=x.device)
        attack = LinfPGD(abs_stepsize=step_size, steps=steps, random_start=True)
        return lambda x, y: attack.run(wrapped, x, Misclassification(y), epsilon=eps)


class AdvLib(Peer):
    """adv-lib."""

    def load(self) -> object:
        """Import what is needed."""
        from tla.attacks.advlib import adv_lib

        return adv_lib("the benchmark")

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        from tla.attacks.advlib import adv_lib

        attack = adv_lib("the benchmark").pgd_linf
        return lambda x, y: attack(model, x, y, eps, steps=steps, random_init=True, absolute_step_size=step_size)


class Toolbox(Peer):
    """The Adversarial Robustness Toolbox."""

    def load(self) -> object:
        """Import what is needed."""
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        return PyTorchClassifier, ProjectedGradientDescentPyTorch

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        kind = "gpu" if x.device.type == "cuda" else "cpu"
        shape = tuple(x.shape[1:])
        classifier = PyTorchClassifier(
            model, nn.CrossEntropyLoss(), shape, nb_classes=10, clip_values=(0.0, 1.0), device_type=kind
        )
        attack = ProjectedGradientDescentPyTorch(
            classifier,
            eps=eps,
            eps_step=step_size,
            max_iter=steps,
            num_random_init=1,
            batch_size=len(x),
            verbose=False,
        )

        def run(x: Tensor, y: Tensor) -> Tensor:
            made = attack.generate(x.cpu().numpy(), y.cpu().numpy())
            return torch.from_numpy(made).to(x.device)

        return run


PEERS: tuple[Peer, ...] = (
    Torchattacks("torchattacks"),
    Foolbox("foolbox"),
    AdvLib("adv-lib"),
    Toolbox("adversarial-robustness-toolbox"),
)
