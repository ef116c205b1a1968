"""PGD of other libraries behind one call, as far as they are installed (extra 'peers')."""

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
        name: Of its distribution on PyPI.
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
        """Import the library."""

    @abstractmethod
    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""

    def default(self, model: nn.Module, eps: float, x: Tensor) -> Run:
        """PGD under Linf with the library's own defaults, except for eps.

        Raises:
            NotImplementedError: for a peer whose defaults are not compared.
        """
        raise NotImplementedError(self.name)


class Torchattacks(Peer):
    """torchattacks."""

    def load(self) -> object:
        """Import the library."""
        import torchattacks

        return torchattacks

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        import torchattacks

        return torchattacks.PGD(model, eps=eps, alpha=step_size, steps=steps, random_start=True)

    def default(self, model: nn.Module, eps: float, x: Tensor) -> Run:
        """Ten steps of 2/255."""
        import torchattacks

        return torchattacks.PGD(model, eps=eps)


class Foolbox(Peer):
    """foolbox."""

    def load(self) -> object:
        """Import the library."""
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

    def default(self, model: nn.Module, eps: float, x: Tensor) -> Run:
        """Forty steps of eps/30."""
        from foolbox.attacks import LinfPGD
        from foolbox.criteria import Misclassification
        from foolbox.models import PyTorchModel  # pyright: ignore[reportPrivateImportUsage]

        wrapped = PyTorchModel(model, bounds=(0, 1), device=x.device)
        return lambda x, y: LinfPGD().run(wrapped, x, Misclassification(y), epsilon=eps)


class AdvLib(Peer):
    """adv-lib."""

    def load(self) -> object:
        """Import the library."""
        from tla.attacks.external.advlib import adv_lib

        return adv_lib("the benchmark")

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        from tla.attacks.external.advlib import adv_lib

        attack = adv_lib("the benchmark").pgd_linf
        return lambda x, y: attack(model, x, y, eps, steps=steps, random_init=True, absolute_step_size=step_size)

    def default(self, model: nn.Module, eps: float, x: Tensor) -> Run:
        """Forty steps of eps/30."""
        from tla.attacks.external.advlib import adv_lib

        attack = adv_lib("the benchmark").pgd_linf
        return lambda x, y: attack(model, x, y, eps)


class Toolbox(Peer):
    """The Adversarial Robustness Toolbox."""

    def load(self) -> object:
        """Import the library."""
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        return PyTorchClassifier, ProjectedGradientDescentPyTorch

    def make(self, model: nn.Module, eps: float, step_size: float, steps: int, x: Tensor) -> Run:
        """PGD from a random start under Linf, on cross-entropy."""
        return self._run(model, x, eps=eps, eps_step=step_size, max_iter=steps, num_random_init=1, batch_size=len(x))

    def default(self, model: nn.Module, eps: float, x: Tensor) -> Run:
        """A hundred steps of 0.1 from the image itself, 32 images at a time."""
        return self._run(model, x, eps=eps)

    def _run(self, model: nn.Module, x: Tensor, **settings: float) -> Run:
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        kind = "gpu" if x.device.type == "cuda" else "cpu"
        classifier = PyTorchClassifier(
            model,
            nn.CrossEntropyLoss(),
            tuple(x.shape[1:]),
            nb_classes=10,
            clip_values=(0.0, 1.0),
            device_type=kind,
        )
        attack = ProjectedGradientDescentPyTorch(classifier, verbose=False, **settings)

        def run(x: Tensor, y: Tensor) -> Tensor:
            adversarial = attack.generate(x.cpu().numpy(), y.cpu().numpy())
            return torch.from_numpy(adversarial).to(x.device)

        return run


PEERS: tuple[Peer, ...] = (
    Torchattacks("torchattacks"),
    Foolbox("foolbox"),
    AdvLib("adv-lib"),
    Toolbox("adversarial-robustness-toolbox"),
)
DEFAULTS: dict[str, Peer] = {
    "torchattacks PGD": PEERS[0],
    "foolbox LinfPGD": PEERS[1],
    "adv-lib pgd_linf": PEERS[2],
    "ART PGD": PEERS[3],
}
