"""Bfloat16 or float32: which is faster on a device, decided in one place."""

import contextlib
from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]
PRECISIONS: tuple[Precision, ...] = ("auto", "fp32", "bf16")


def fast_bf16(device: torch.device) -> bool:
    """True where bfloat16 is faster than float32: GPUs with native support (not emulation), AVX512-BF16, AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, name, lambda: False)() for name in probes)


def is_bf16(device: torch.device, precision: Precision) -> bool:
    """True if forward passes at this precision run in bfloat16.

    Args:
        device: Where they run.
        precision: "auto" takes bf16 where it is faster.

    Raises:
        ValueError: for an unknown precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    return precision == "bf16" or (precision == "auto" and fast_bf16(device))


def autocast(device: torch.device, precision: Precision) -> contextlib.AbstractContextManager[object]:
    """Bfloat16 autocast, or nothing; arguments and errors as for `is_bf16`."""
    if is_bf16(device, precision):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
