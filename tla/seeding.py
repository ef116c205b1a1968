"""Random numbers derived from (seed, purpose, ...): no global state, independent of the order of calls."""

import hashlib

import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose.

    Args:
        seed: The experiment's seed, >= 0.
        *purpose: What the numbers are for, e.g. "attack", epoch, rank.

    Raises:
        ValueError: if seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}")
    text = "/".join(str(item) for item in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A `torch.Generator` for one purpose on `device`; see `derive` for the arguments."""
    return torch.Generator(device=device).manual_seed(derive(seed, *purpose))
