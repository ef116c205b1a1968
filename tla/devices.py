"""Which device computes: one place decides, for every verb, study, training, attack and audit."""

import os

import torch

VARIABLE = "TLA_DEVICE"
AUTO = "auto"


def choose_device(name: str | None = None) -> torch.device:
    """The device to compute on.

    Args:
        name: "cpu", "cuda", "cuda:1", "mps" or "auto": the first GPU if there is one, else the CPU. By default what the
            variable TLA_DEVICE says (`--device` on the command line sets it), else "auto". Apple's "mps" has to be
            asked for: it has no float64, which audit and detectors compute in.

    Raises:
        ValueError: for another name, or a device that is not there; says which are.
    """
    asked = (name or os.environ.get(VARIABLE) or AUTO).strip().lower()
    there = available()
    if asked == AUTO:
        return torch.device("cuda" if "cuda" in there else "cpu")
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
