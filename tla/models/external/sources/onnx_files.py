"""Networks in ONNX files, converted by onnx2torch so that they have gradients."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tla.extras import require
from tla.messages import first_line
from tla.models.external.sources.loaded import Loaded, Wanted

FLOAT, UINT8, FLOAT16, DOUBLE = 1, 2, 10, 11
"""ONNX's codes of types of values."""
OPSETS = (13, 15, 17, 11)
"""Versions that a graph is converted to if onnx2torch does not know its operations as they are."""


class Input(NamedTuple):
    """What a graph says of its images.

    Attributes:
        channels: 1 or 3, None if it does not say.
        size: Height and width, None if any.
        last: True if channels come last (n, height, width, channels).
        batch: The only batch size that it is made for, None if any.
        bytes: True for pixels 0..255.
    """

    channels: int | None
    size: tuple[int, int] | None
    last: bool
    batch: int | None
    bytes: bool


class Slice(nn.Module):
    """ONNX's Slice; onnx2torch's own indexes in a way that PyTorch is about to read differently."""

    def forward(
        self,
        input_tensor: Tensor,
        starts: Tensor,
        ends: Tensor,
        axes: Tensor | None = None,
        steps: Tensor | None = None,
    ) -> Tensor:
        """The part of a tensor; the names of the arguments are onnx2torch's."""
        x = input_tensor
        along = range(len(starts)) if axes is None else axes.tolist()
        by = [1] * len(starts) if steps is None else steps.tolist()
        for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), by, strict=True):
            kept = range(x.shape[axis])[start:end:step]
            if step == 1:
                x = x.narrow(axis, kept.start if len(kept) else 0, len(kept))
            else:
                x = x.index_select(axis, torch.tensor(list(kept), dtype=torch.int64, device=x.device))
        return x


class OnnxNetwork(nn.Module):
    """A converted graph that takes images (b, c, h, w) in the scale of its user.

    Args:
        graph: The converted graph.
        given: What it says of its images.
    """

    def __init__(self, graph: nn.Module, given: Input) -> None:
        super().__init__()
        self.graph, self.given = graph, given

    def forward(self, x: Tensor) -> Any:
        """What the graph returns."""
        x = x * 255 if self.given.bytes else x
        return self.graph(x.permute(0, 2, 3, 1) if self.given.last else x)


def load(name: str, wanted: Wanted) -> Loaded:
    """The network of an ONNX file, up to its logits: a final Softmax or Sigmoid is cut off.

    Args:
        name: The file.
        wanted: Its weights are its own.

    Raises:
        ValueError: if the file is missing or damaged, does not take one batch of images, returns class numbers, or has
            operations that cannot be converted; names them.
        ModuleNotFoundError: if onnx or onnx2torch is not installed; gives the pip command.
    """
    path = Path(name).expanduser()
    onnx = require("onnx", f"onnx:{name}")
    require("onnx2torch", f"onnx:{name}")
    if wanted.weights is not None:
        raise ValueError(f"{path} has its own weights; weights do not apply to an ONNX file")
    if not path.is_file():
        raise ValueError(f"no file {path}")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf and onnx have their own kinds of errors
        raise ValueError(f"{path} is not a valid ONNX file: {first_line(error)}") from None
    remarks = _cut(path, model.graph)
    given = _input(path, model.graph)
    _any_batch(model.graph)
    network = OnnxNetwork(_converted(path, model), given).eval()
    batch = None if given.batch is None else _only_batch(network, given, given.batch)
    if given.last:
        remarks += (f"{path.name} takes channels last: turned inside",)
    return Loaded(network, size=given.size, channels=given.channels, batch=batch, remarks=remarks)


def _cut(path: Path, graph: Any) -> tuple[str, ...]:
    """Leave one output, the logits, and nothing that turns them into probabilities."""
    names = [output.name for output in graph.output]
    chosen = next((name for name in names if "logit" in name.lower()), names[0])
    made = {name: node for node in graph.node for name in node.output}
    name, passed = chosen, []
    while name in made and made[name].op_type in ("Identity", "Cast", "Reshape", "Squeeze", "Flatten"):
        passed.append(made[name])
        name = made[name].input[0]
    last = made.get(name)
    if last is not None and last.op_type in ("ArgMax", "TopK", "ZipMap"):
        raise ValueError(f"{path} returns class numbers ({last.op_type}): export it up to the logits")
    cut = last if last is not None and last.op_type in ("Softmax", "Sigmoid") else None
    for position in reversed(range(len(names))):
        if names[position] != chosen:
            del graph.output[position]
    (kept,) = graph.output
    if cut is None:
        return ()
    if passed:
        passed[-1].input[0] = cut.input[0]
    else:
        kept.name = cut.input[0]
    kept.type.tensor_type.ClearField("shape")
    return (f"{path.name} ends with a {cut.op_type}: cut off, so that it returns logits",)


def _input(path: Path, graph: Any) -> Input:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    kinds = {FLOAT, UINT8, FLOAT16, DOUBLE}
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type not in kinds:
        got = ", ".join(f"{value.name} (type {value.type.tensor_type.elem_type})" for value in inputs) or "none"
        raise ValueError(f"{path} must take one batch of images, floats or bytes; its inputs: {got}")
    kind = inputs[0].type.tensor_type
    sizes = [axis.dim_value if axis.HasField("dim_value") and axis.dim_value > 0 else None for axis in kind.shape.dim]
    if len(sizes) != 4:
        if len(sizes) < 2:
            raise ValueError(f"{path} must take images (n, channels, height, width), its input has {len(sizes)} axes")
        return Input(None, None, False, sizes[0], kind.elem_type == UINT8)
    turned = any(
        node.op_type == "Transpose"
        and node.input[0] == inputs[0].name
        and [list(a.ints) for a in node.attribute if a.name == "perm"] == [[0, 3, 1, 2]]
        for node in graph.node
    )
    last = sizes[1] not in (1, 3) and (sizes[3] in (1, 3) or turned)
    channels, height, width = (sizes[3], sizes[1], sizes[2]) if last else (sizes[1], sizes[2], sizes[3])
    known = channels if channels in (1, 3) else None
    asked = kind.elem_type == UINT8
    if asked:
        kind.elem_type = FLOAT
    return Input(known, (height, width) if height and width else None, last, sizes[0], asked)


def _any_batch(graph: Any) -> None:
    """Forget sizes that a batch size was written into."""
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        axes = value.type.tensor_type.shape.dim
        if len(axes) and value.type.tensor_type.HasField("shape"):
            axes[0].Clear()
            axes[0].dim_param = "n"


def _converted(path: Path, model: Any) -> nn.Module:
    """The graph as a torch module; in an older version of ONNX's operations if its own are not known."""
    from onnx import version_converter
    from onnx2torch import convert

    tried: list[str] = []
    own = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 13)
    old = own < 10 and any(node.op_type == "Slice" for node in model.graph.node)
    for version in OPSETS if old else (own, *OPSETS):
        try:
            same = model if version == own else version_converter.convert_version(model, version)
            graph = convert(same)
        except Exception as error:  # onnx2torch and onnx have many ways to say that they cannot
            tried.append(first_line(error))
            continue
        for name, layer in list(graph.named_modules()):
            if type(layer).__name__ == "OnnxSlice":
                graph.set_submodule(name, Slice())
        return graph
    raise ValueError(f"{path} has operations that onnx2torch cannot convert: {tried[0]}")


def _only_batch(network: OnnxNetwork, given: Input, batch: int) -> int | None:
    """The batch size that a graph is made for, None if it gives the same for another one."""
    channels, size = given.channels or 3, given.size or (224, 224)
    x = torch.rand(2 * batch, channels, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        parts = torch.cat([network(x[:batch]), network(x[batch:])])
        try:
            whole = network(x)
        except Exception:  # a graph made for one batch size fails in its own way
            return batch
    fits = whole.shape == parts.shape and torch.allclose(whole, parts, rtol=1e-3, atol=1e-4)
    return None if fits else batch
