"""How a network is trained, whatever the method: the settings that a fair comparison holds equal."""

from dataclasses import dataclass, field
from typing import Literal

from tla.attacks.base import Attack
from tla.attacks.pgd import PGD
from tla.precision import Precision
from tla.threat import Norm, Threat


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Schedule, optimiser, attack and selection of one training run.

    Args:
        epochs: Passes over the training images, >= 1.
        batch: Images per step over all devices together; an epoch's last, smaller batch is dropped.
        optimizer: "adam", or "sgd" with Nesterov momentum.
        learning_rate: Peak learning rate of the schedule, > 0.
        momentum: Momentum of SGD, in [0, 1).
        weight_decay: L2 penalty on weight matrices and kernels only, >= 0.
        schedule: "constant"; "cosine" to zero; "onecycle": linearly up and down; "step": divided by ten after 50 %
            and again after 75 % of the steps.
        warmup: Share of all steps in which the learning rate rises from zero, in [0, 1).
        clip: Maximum L2 norm of the gradient; 0 does not clip.
        label_smoothing: Share of each label spread over all classes, in [0, 1).
        ema: Decay per step of the averaged weights that are validated and saved, in [0, 1); 0 for no averaging.
        batch_norm: Images whose statistics batch norm keeps for evaluation: "clean", "adversarial", or "both" in one
            batch. Methods that train on one kind use that kind, except that "clean" costs AT another forward pass.
        pad: Zero pixels added around each image before a random crop to its size, >= 0.
        flip: Mirror each image left to right with probability 1/2.
        norm: Norm of the training threat.
        eps: Radius of the training threat in pixel units, > 0.
        eps_warmup: Share of all steps in which the radius rises from zero, in [0, 1).
        attack: Attack on the training images; every image stays in the batch, and the last iterate is trained on.
        strong: Attack that replaces `attack` in the last `strong_epochs` epochs.
        strong_epochs: Number of final epochs with `strong`, >= 0.
        holdout: Training images held out for validation and selection, >= 0; the same for every method and seed.
        select: Keep the weights of the epoch with the best robust accuracy on held-out images (natural training: the
            best clean accuracy); the test set is never used. Otherwise keep the last ones.
        select_on: "test" validates and selects on test images instead of held-out training images. UNFAIR: such a
            figure says nothing about new images. It exists to measure the effect of that habit.
        judge: Attack of the validation.
        judge_every: Validate every so many epochs (and after the last).
        save_every: Write the checkpoint every so many epochs (and after the last).
        precision: "bf16" autocast, "fp32", or "auto": bf16 where the device is faster with it.
        channels_last: Use the channels-last memory layout for images and kernels.
        compile: Compile the network with torch.compile.

    Raises:
        ValueError: for a value outside its range; names the setting.
    """

    epochs: int = 8
    batch: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 2e-4
    schedule: Literal["constant", "cosine", "onecycle", "step"] = "onecycle"
    warmup: float = 0.2
    clip: float = 0.0
    label_smoothing: float = 0.0
    ema: float = 0.0
    batch_norm: Literal["clean", "adversarial", "both"] = "adversarial"
    pad: int = 0
    flip: bool = False
    norm: Norm = "linf"
    eps: float = 0.3
    eps_warmup: float = 0.0
    attack: Attack = field(default_factory=lambda: PGD(steps=7))
    strong: Attack = field(default_factory=lambda: PGD(steps=20))
    strong_epochs: int = 0
    holdout: int = 1000
    select: bool = True
    select_on: Literal["test"] | None = None
    judge: Attack = field(default_factory=lambda: PGD(steps=10))
    judge_every: int = 1
    save_every: int = 1
    precision: Precision = "auto"
    channels_last: bool = True
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "judge_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")
        for name in ("holdout", "weight_decay", "clip", "pad", "strong_epochs"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)}")
        for name in ("momentum", "label_smoothing", "ema", "warmup", "eps_warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be > 0, got {self.learning_rate}")
        if not self.eps > 0:
            raise ValueError(f"eps must be > 0, got {self.eps}; to train without an attack use the method natural")
        if self.select and self.holdout == 0:
            raise ValueError("select needs held-out images: set holdout to 1 or more, or select to false")
        if self.select_on == "test" and not self.select:
            raise ValueError('select_on is "test", but select is false: nothing is selected')
        Threat(self.norm, self.eps)
