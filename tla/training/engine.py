"""Devices, processes and precision. The only module that names a device or uses Lightning Fabric."""

import contextlib
import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from tla.devices import choose_device
from tla.extras import require
from tla.precision import Precision, is_bf16


class Engine(ABC):
    """Device and precision of a network, in one process or several.

    Attributes:
        device: Device of this process.
        rank: Index of this process, from 0.
        world: Number of processes.
        bf16: True if forward passes run under bfloat16 autocast.
    """

    device: torch.device
    rank: int
    world: int
    bf16: bool

    @abstractmethod
    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """The callable of a training forward pass; it has no other use."""

    @abstractmethod
    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which forward passes run."""

    @abstractmethod
    def backward(self, loss: Tensor) -> None:
        """Gradients into the parameters, averaged over the processes."""

    @abstractmethod
    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""

    @abstractmethod
    def barrier(self) -> None:
        """Wait for the other processes."""

    @abstractmethod
    def agreed(self, value: bool) -> bool:
        """The first process's value, in every process."""

    @contextlib.contextmanager
    def tuned(self) -> Iterator[None]:
        """Let cuDNN benchmark its kernels, which pays off for many steps of one shape; restored afterwards."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = self.device.type == "cuda"
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before

    def synchronize(self) -> None:
        """Wait until the device is idle (to measure time)."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def open_engine(device: str | None = None, precision: Precision = "auto") -> Engine:
    """The engine for this process: one device, or one of several started by `torchrun`.

    Args:
        device: See `tla.devices.choose_device`.
        precision: See `TrainConfig`.

    Raises:
        ModuleNotFoundError: for several processes without lightning-fabric; says how to get it.
        ValueError: for a device that is not there.
    """
    chosen = choose_device(device)
    bf16 = is_bf16(chosen, precision)
    if processes() == 1:
        return PlainEngine(chosen, bf16)
    require("lightning_fabric", "training on several devices")
    return FabricEngine(chosen, bf16)


class PlainEngine(Engine):
    """One device and one process, without importing Fabric, which takes seconds.

    Args:
        device: The device.
        bf16: Forward passes under bfloat16 autocast.
    """

    def __init__(self, device: torch.device, bf16: bool) -> None:
        self.device, self.rank, self.world, self.bf16 = device, 0, 1, bf16

    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """The module itself, called under autocast."""
        return _under_autocast(self, module)

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
        device: The device; of several processes each gets its own of this type.
        bf16: Forward passes under bfloat16 autocast.
    """

    def __init__(self, device: torch.device, bf16: bool) -> None:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy

        known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
        buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
        options: dict[str, Any] = {buffers: False}  # every process keeps its own statistics; validation averages them
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        distributed = processes() > 1
        single = [device.index or 0] if device.type == "cuda" else 1
        self._fabric = Fabric(
            accelerator=device.type,
            devices=local if distributed else single,
            num_nodes=processes() // local,
            strategy=DDPStrategy(**options) if distributed else "auto",
            precision="bf16-mixed" if bf16 else "32-true",
        )
        self._fabric.launch()
        self.device, self.rank, self.world = self._fabric.device, self._fabric.global_rank, self._fabric.world_size
        self.bf16 = bf16

    def setup(self, module: nn.Module) -> Callable[[Tensor], Any]:
        """The module wrapped for all processes; in one process, the module itself under autocast."""
        return _under_autocast(self, module) if self.world == 1 else self._fabric.setup_module(module)

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


def _under_autocast(engine: Engine, module: nn.Module) -> Callable[[Tensor], Any]:
    """The module, called at the engine's precision."""

    def call(x: Tensor) -> Any:
        with engine.autocast():
            return module(x)

    return call


def processes() -> int:
    """Number of processes that `torchrun` started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def device_name(device: torch.device) -> str:
    """A readable name: the GPU's, or "cpu" and its number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
