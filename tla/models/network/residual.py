"""Pre-activation residual blocks (He et al. 2016), shared by the residual networks for 32 x 32 images."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ShrinkAndPad(nn.Module):
    """A shortcut without weights: average pooling over the stride, zeros for new channels.

    Args:
        added: Number of channels to add, half of them in front.
        stride: Stride of the block.
    """

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.front, self.back, self.stride = added // 2, added - added // 2, stride

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k i j"]:
        """The shortcut's output."""
        if self.stride > 1:
            x = functional.avg_pool2d(x, self.stride, ceil_mode=True)
        return functional.pad(x, (0, 0, 0, 0, self.front, self.back))


class PreActivationBlock(nn.Module):
    """shortcut(x) + convolution(act(norm(convolution(act(norm(x)))))).

    Args:
        inputs: Number of input channels.
        outputs: Number of output channels.
        stride: Stride of the first convolution.
        shortcut: Carries x past the convolutions.
        activated: The shortcut starts from act(norm(x)) rather than from x.
        slope: Slope of the activation below zero; 0 is ReLU.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, shortcut: nn.Module, *, activated: bool, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(inputs), activation(slope))
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            activation(slope),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        )
        self.shortcut = shortcut
        self.activated = activated

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k i j"]:
        """The block's output."""
        start = self.first(x)
        return self.shortcut(start if self.activated else x) + self.body(start)


def activation(slope: float) -> nn.Module:
    """ReLU, or leaky ReLU if the slope is not 0."""
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def initialise(module: nn.Module) -> None:
    """Kaiming initialisation of convolutions by fan-out (He et al. 2015), as usual for residual networks."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def closing(channels: int, slope: float = 0.0) -> list[nn.Module]:
    """The layers after the last block: norm, activation, global average pooling; the output is the embedding."""
    return [nn.BatchNorm2d(channels), activation(slope), nn.AdaptiveAvgPool2d(1), nn.Flatten()]


def stem(channels: int, width: int) -> nn.Conv2d:
    """The first convolution, at full resolution."""
    return nn.Conv2d(channels, width, 3, padding=1, bias=False)
