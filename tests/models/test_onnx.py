"""ONNX networks against onnx's own reference implementation, with gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tla.models import load_user_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx2torch")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

RANDOM = np.random.default_rng(0)


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def small(
    path: Path,
    *,
    end: str = "Softmax",
    last: bool = False,
    batch: int | str = "n",
    kind: int = TensorProto.FLOAT,
    passing: str = "",
    classes: int = 4,
    flat: tuple[int, ...] = (0, -1),
    extra: str = "",
) -> Path:
    """Convolution, ReLU, mean, a shape that is computed (Shape, Slice, Concat), product, sum, and the end."""
    random = np.random.default_rng(0)
    shape = [batch, 8, 8, 3] if last else [batch, 3, 8, 8]
    nodes = [helper.make_node("Identity", ["x"], ["pixels"])]
    if kind == TensorProto.UINT8:
        nodes = [
            helper.make_node("Cast", ["x"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Div", ["cast", "scale"], ["pixels"]),
        ]
    if last:
        nodes[-1].output[0] = "rows"
        nodes.append(helper.make_node("Transpose", ["rows"], ["pixels"], perm=[0, 3, 1, 2]))
    nodes += [
        helper.make_node("Conv", ["pixels", "kernel"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["maps"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
    ]
    if flat == (0, -1):
        nodes += [
            helper.make_node("Shape", ["pooled"], ["size"]),
            helper.make_node("Slice", ["size", "start", "end"], ["count"]),
            helper.make_node("Concat", ["count", "rest"], ["target"], axis=0),
            helper.make_node("Reshape", ["pooled", "target"], ["h"]),
        ]
    else:
        nodes.append(helper.make_node("Reshape", ["pooled", "fixed"], ["h"]))
    nodes += [
        helper.make_node("MatMul", ["h", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["z"]),
    ]
    name = "z"
    if end:
        attributes = {"axis": -1} if end in ("Softmax", "LogSoftmax") else {}
        nodes.append(helper.make_node(end, ["z"], ["p"], **attributes))
        name = "p"
    if passing:
        nodes.append(helper.make_node(passing, [name], ["passed"]))
        name = "passed"
    if extra:
        nodes.append(helper.make_node("ArgMax", ["z"], ["label"], axis=1))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, classes])]
    outputs += [helper.make_tensor_value_info("label", TensorProto.INT64, None)] if extra else []
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", kind, shape)],
        outputs,
        [
            constant("kernel", random.normal(size=(5, 3, 3, 3))),
            constant("weight", random.normal(size=(5, classes))),
            constant("bias", random.normal(size=classes)),
            constant("scale", 255.0),
            constant("start", [0], np.int64),
            constant("end", [1], np.int64),
            constant("rest", [-1], np.int64),
            constant("fixed", flat, np.int64),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def reference(path: Path, x: np.ndarray, name: str = "z") -> np.ndarray:
    """The values of one name, image by image."""
    model = onnx.load(str(path))
    model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    run = ReferenceEvaluator(model)
    return np.concatenate([run.run([name], {"x": x[k : k + 1]})[0].reshape(1, -1) for k in range(len(x))])


def logits(model, x):
    with torch.no_grad():
        return model(x).logits.numpy()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("load", ["{}", "onnx:{}"])
@pytest.mark.parametrize(("end", "passing"), [("Softmax", ""), ("Softmax", "Identity"), ("", "")])
def test_logits_embedding_and_gradient(tmp_path, x, load, end, passing):
    path = small(tmp_path / "net.onnx", end=end, passing=passing)
    model = load_user_model(load.format(path), shape=(3, 8, 8), classes=4)
    cut = ("net.onnx ends with a Softmax: cut off, so that it returns logits",)
    assert model.remarks == (cut if end else ())
    x.requires_grad_()
    outputs = model(x)
    pixels = x.detach().numpy()
    assert np.allclose(outputs.logits.detach(), reference(path, pixels), atol=1e-5)
    assert np.allclose(outputs.embedding.detach(), reference(path, pixels, "h"), atol=1e-5)
    (gradient,) = torch.autograd.grad(outputs.logits[:, 1].sum(), x)
    moved, step = pixels.copy(), 1e-3
    moved[0, 1, 4, 4] += step
    slope = (reference(path, moved) - reference(path, pixels))[0, 1] / step
    assert float(gradient[0, 1, 4, 4]) == pytest.approx(slope, rel=0.05, abs=1e-4)


def test_channels_last(tmp_path, x):
    path = small(tmp_path / "net.onnx", last=True)
    model = load_user_model(str(path), shape=(3, 8, 8))
    assert "net.onnx takes channels last: turned inside" in model.remarks
    assert np.allclose(logits(model, x), reference(path, x.permute(0, 2, 3, 1).numpy()), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_graph_that_is_made_for_one_batch_size(tmp_path, x, batch):
    path = small(tmp_path / "net.onnx", batch=batch, flat=(batch, 5))
    model = load_user_model(str(path), shape=(3, 8, 8))
    assert model.batch == batch
    x.requires_grad_()
    outputs = model(x)
    (first,) = ReferenceEvaluator(onnx.load(str(path))).run(None, {"x": x.detach().numpy()[:batch]})
    assert np.allclose(outputs.logits.softmax(1).detach()[:batch], first, atol=1e-5)
    assert outputs.embedding.shape == (3, 5)
    assert bool(torch.autograd.grad(outputs.logits.sum(), x)[0].any())


def test_a_batch_size_that_does_not_matter(tmp_path, x):
    path = small(tmp_path / "net.onnx", batch=1)
    model = load_user_model(str(path), shape=(3, 8, 8))
    assert model.batch is None
    assert np.allclose(logits(model, x), reference(path, x.numpy()), atol=1e-5)


def test_bytes_keep_their_gradient(tmp_path):
    path = small(tmp_path / "net.onnx", kind=TensorProto.UINT8)
    pixels = RANDOM.integers(0, 256, (3, 3, 8, 8)).astype(np.uint8)
    x = (torch.from_numpy(pixels).float() / 255).requires_grad_()
    outputs = load_user_model(str(path), shape=(3, 8, 8))(x)
    assert np.allclose(outputs.logits.detach(), reference(path, pixels), atol=1e-4)
    assert bool(torch.autograd.grad(outputs.logits.sum(), x)[0].any())


def test_one_sigmoid(tmp_path, x):
    path = small(tmp_path / "net.onnx", end="Sigmoid", classes=1)
    model = load_user_model(str(path), shape=(3, 8, 8), classes=2)
    assert np.allclose(
        torch.from_numpy(logits(model, x)).softmax(1)[:, 1:], 1 / (1 + np.exp(-reference(path, x.numpy()))), atol=1e-5
    )


def test_other_outputs_are_left_out(tmp_path, x):
    path = small(tmp_path / "net.onnx", extra="label")
    assert np.allclose(logits(load_user_model(str(path), shape=(3, 8, 8)), x), reference(path, x.numpy()), atol=1e-5)


def test_other_images_are_fitted_to_the_graph(tmp_path):
    model = load_user_model(str(small(tmp_path / "net.onnx")), shape=(1, 16, 16))
    assert "images of 1 channels are turned into 3 inside the model" in model.remarks
    assert "images of 16 x 16 pixels are resized to 8 x 8 inside the model" in model.remarks
    assert model(torch.rand(2, 1, 16, 16)).logits.shape == (2, 4)


def test_files_that_are_no_network(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"rubbish")
    with pytest.raises(ValueError, match=r"net\.onnx is not a valid ONNX file: "):
        load_user_model(str(tmp_path / "net.onnx"))
    with pytest.raises(ValueError, match=r"no file .*nowhere\.onnx"):
        load_user_model(str(tmp_path / "nowhere.onnx"))
    with pytest.raises(ValueError, match=r"net\.onnx has its own weights"):
        load_user_model(str(tmp_path / "net.onnx"), weights="DEFAULT")


def test_graphs_that_cannot_be_used(tmp_path):
    numbers = [helper.make_node("ArgMax", ["x"], ["y"], axis=1)]
    odd = [helper.make_node("Det", ["x"], ["y"])]
    for nodes, kind, text in (
        (numbers, TensorProto.INT64, r"returns class numbers \(ArgMax\): export it up to the logits"),
        (odd, TensorProto.FLOAT, "has operations that onnx2torch cannot convert: .*Det"),
    ):
        graph = helper.make_graph(
            nodes,
            "odd",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
            [helper.make_tensor_value_info("y", kind, None)],
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), str(tmp_path / "odd.onnx"))
        with pytest.raises(ValueError, match=text):
            load_user_model(str(tmp_path / "odd.onnx"))


def test_slices_against_numpy():
    from tla.models.external.sources.onnx_files import Slice

    x = RANDOM.normal(size=(4, 6, 5)).astype(np.float32)
    big = np.iinfo(np.int64).max
    for starts, ends, axes, steps in (
        ([1], [3], None, None),
        ([1, 0], [-1, big], [1, 2], None),
        ([-1], [-big - 1], [1], [-1]),
        ([4], [0], [-1], [-2]),
        ([3], [2], [0], [1]),
    ):
        nodes = ["x", "starts", "ends", "axes" if axes else "", "steps" if steps else ""]
        graph = helper.make_graph(
            [helper.make_node("Slice", nodes, ["y"])],
            "slice",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [
                constant(name, values, np.int64)
                for name, values in (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps))
                if values
            ],
        )
        run = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]))
        tensors = [None if values is None else torch.tensor(values) for values in (starts, ends, axes, steps)]
        assert np.array_equal(Slice()(torch.from_numpy(x), *tensors), run.run(None, {"x": x})[0])
