"""Devices and precision: the only module that names a device. Lightning Fabric behind one door."""

import contextlib
import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tla.extras import require
from tla.precision import Precision, is_bf16


class Engine(ABC):
    """Where and how precisely a network runs, alone or with other processes.

    Attributes:
        device: Where this process computes.
        rank: Which process, from 0.
        world: How many processes.
        bf16: True if forward passes run under bfloat16 autocast.
    """

    device: torch.device
    rank: int
    world: int
    bf16: bool

    @abstractmethod
    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """What to call for a training forward pass; nothing else may be called on it."""

    @abstractmethod
    def autocast(self) -> AbstractContextManager[Any]:
        """The precision of forward passes."""

    @abstractmethod
    def backward(self, loss: Tensor) -> None:
        """Gradients into the parameters, averaged over the processes."""

    @abstractmethod
    def mean(self, value: Tensor) -> Tensor:
        """The average of a tensor over the processes."""

    @abstractmethod
    def barrier(self) -> None:
        """Wait for the other processes."""

    @abstractmethod
    def agreed(self, value: bool) -> bool:
        """What the first process says, in every process."""

    @contextlib.contextmanager
    def tuned(self) -> Iterator[None]:
        """Kernels are chosen by trial, as fits many steps of one shape; afterwards as before."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = self.device.type == "cuda"
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before

    def synchronize(self) -> None:
        """Wait until the device has done what it was given (to read a clock)."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def open_engine(device: str | None = None, precision: Precision = "auto") -> Engine:
    """The engine for this process: one device, or one of several started by `torchrun`.

    Args:
        device: "cpu", "cuda", "cuda:1"; by default the first GPU, else the CPU.
        precision: See `TrainConfig`.

    Raises:
        ModuleNotFoundError: for several processes without lightning-fabric; says how to get it.
        ValueError: for a device that is not there.
    """
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device must be one that is there: {chosen} was asked for, but there is no CUDA device")
    bf16 = is_bf16(chosen, precision)
    if processes() == 1:
        return PlainEngine(chosen, bf16)
    require("lightning_fabric", "training on several devices")
    return FabricEngine(chosen, bf16)


class PlainEngine(Engine):
    """One device, no other processes, nothing to install (and no seconds spent on importing Fabric).

    Args:
        device: Where to compute.
        bf16: Forward passes under bfloat16 autocast.
    """

    def __init__(self, device: torch.device, bf16: bool) -> None:
        self.device, self.rank, self.world, self.bf16 = device, 0, 1, bf16

    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """The module itself, called under autocast."""
        return under(self, module)

    def autocast(self) -> AbstractContextManager[Any]:
        """Bfloat16 autocast, or nothing."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def backward(self, loss: Tensor) -> None:
        """Plain autograd."""
        loss.backward()

    def mean(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value

    def barrier(self) -> None:
        """Nothing to wait for."""

    def agreed(self, value: bool) -> bool:
        """The value itself."""
        return value


class FabricEngine(Engine):
    """Lightning Fabric: distributed data parallel over the processes that torchrun started, or one device.

    Args:
        device: Where to compute; with several processes each gets its own of this type.
        bf16: Forward passes under bfloat16 autocast.
    """

    def __init__(self, device: torch.device, bf16: bool) -> None:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy

        known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
        alone: dict[str, Any] = {buffers: False}  # every process keeps its own statistics; judging averages them
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        many = processes() > 1
        one = [device.index or 0] if device.type == "cuda" else 1
        self._fabric = Fabric(
            accelerator=device.type,
            devices=local if many else one,
            num_nodes=processes() // local,
            strategy=DDPStrategy(**alone) if many else "auto",
            precision="bf16-mixed" if bf16 else "32-true",
        )
        self._fabric.launch()
        self.device, self.rank, self.world = self._fabric.device, self._fabric.global_rank, self._fabric.world_size
        self.bf16 = bf16

    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """The module wrapped for all processes; alone, the module itself under autocast."""
        return under(self, module) if self.world == 1 else self._fabric.setup_module(module)

    def autocast(self) -> AbstractContextManager[Any]:
        """Fabric's precision."""
        return self._fabric.autocast()

    def backward(self, loss: Tensor) -> None:
        """Fabric's backward pass."""
        self._fabric.backward(loss)

    def mean(self, value: Tensor) -> Tensor:
        """All-reduced average."""
        if self.world == 1:
            return value
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total / self.world

    def barrier(self) -> None:
        """Wait for the other processes."""
        self._fabric.barrier()

    def agreed(self, value: bool) -> bool:
        """Fabric's broadcast from the first process."""
        return bool(self._fabric.broadcast(value, src=0))


def under(engine: Engine, module: nn.Module) -> Callable[[Tensor], Any]:
    """A module that is called at the engine's precision."""

    def call(x: Tensor) -> Any:
        with engine.autocast():
            return module(x)

    return call


def processes() -> int:
    """How many processes `torchrun` started, 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def device_name(device: torch.device) -> str:
    """What a reader knows the device by: the GPU's name, or "cpu" and its threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
