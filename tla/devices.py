"""Which device computes: one place decides, for every verb, study, training, attack and audit."""

import os
import warnings

import torch
from torch import Tensor

VARIABLE = "TLA_DEVICE"
AUTO = "auto"
WITHOUT_FLOAT64 = frozenset({"mps"})
"""Devices on which no float64 can be computed."""


class FallbackWarning(UserWarning):
    """Something is computed on the CPU because the device cannot."""


def choose_device(name: str | None = None) -> torch.device:
    """The device to compute on.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps" or "auto": the first GPU of CUDA, else Apple's, else the CPU. By default
            what the variable TLA_DEVICE says (`--device` on the command line sets it), else "auto".

    Raises:
        ValueError: for another name, or a device that is not there; says which are.
    """
    asked = (name or os.environ.get(VARIABLE) or AUTO).strip().lower()
    there = available()
    if asked == AUTO:
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if kind in there))
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdecimal())):
        raise ValueError(f"device must be auto, cpu, cuda, cuda:NUMBER or mps, got {asked!r}")
    if kind not in there or (number and f"{kind}:{int(number)}" not in there):
        raise ValueError(f"device {asked} is not there; this machine has {', '.join(there)}")
    return torch.device(asked)


def available() -> list[str]:
    """The names of the devices that are there: the CPU, each GPU of CUDA, Apple's MPS."""
    names = ["cpu"]
    if torch.cuda.is_available():
        names += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        names.append("mps")
    return names


def float64_device(device: torch.device) -> torch.device:
    """The device itself, or the CPU if it has no float64 (Apple's MPS); a `FallbackWarning` says the latter once."""
    if device.type not in WITHOUT_FLOAT64:
        return device
    warnings.warn(f"{device.type} has no float64: what needs it is computed on the CPU", FallbackWarning, 2)
    return torch.device("cpu")


def exact(values: Tensor) -> Tensor:
    """Values as float64, on their own device or where `float64_device` says."""
    return values.to(float64_device(values.device)).double()


def returned(values: Tensor, device: torch.device) -> Tensor:
    """What was computed exactly, back on the device it was computed for: float32 where that has no float64."""
    return values if values.device == device else values.float().to(device)
