"""Networks from elsewhere as the start of trainings."""

import copy

import pytest
import torch
from torch import nn

import tla
from tla.attacks.pgd import PGD
from tla.data import Images
from tla.models import GivenModel, Start, start_from
from tla.training import METHODS, TrainConfig, load_model, train

SHAPE = (3, 8, 8)


def body():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.ReLU(inplace=True), nn.Linear(16, 10))


class Convolutional(nn.Module):
    """Logits from a 1 x 1 convolution, averaged over positions."""

    def __init__(self):
        super().__init__()
        self.body, self.norm = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)
        self.head = nn.Conv2d(6, 10, 1, bias=False)

    def forward(self, x):
        return self.head(torch.relu_(self.norm(self.body(x)))).mean((2, 3))


class Auxiliary(nn.Module):
    """Returns a second head's logits in training mode, computed without a gradient; has a weight that is never used."""

    def __init__(self):
        super().__init__()
        self.body, self.out, self.aux = nn.Linear(192, 16), nn.Linear(16, 10), nn.Linear(16, 10)
        self.unused = nn.Parameter(torch.ones(7))

    def forward(self, x):
        h = self.body(x.flatten(1)).relu_()
        return (self.out(h), self.aux(h)) if self.training else self.out(h)


class Tied(nn.Module):
    """Two layers of one weight."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(192, 12)
        self.one, self.two = nn.Linear(12, 12), nn.Linear(12, 12)
        self.two.weight = self.one.weight
        self.out = nn.Linear(12, 10)

    def forward(self, x):
        return {"logits": self.out(self.two(self.one(self.first(x.flatten(1))).relu()).relu())}


class Pair(nn.Module):
    """Logits and an embedding of its own."""

    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(192, 16), nn.Linear(16, 10)

    def forward(self, x):
        h = self.body(x.flatten(1)).relu()
        return self.out(h), h


class Binary(nn.Module):
    """One logit."""

    def __init__(self):
        super().__init__()
        self.body, self.out = nn.Linear(192, 16), nn.Linear(16, 1)

    def forward(self, x):
        return self.out(self.body(x.flatten(1)).relu())


def images(classes=10, n=60):
    pixels = torch.randint(256, (n, *SHAPE), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return Images(pixels, torch.arange(n) % classes, tuple(map(str, range(classes))), torch.arange(n), "noise", "train")


def trained(start, folder, method="at", classes=10, **more):
    attack = PGD(steps=2)
    config = TrainConfig(
        epochs=1, batch=20, holdout=20, eps=0.05, precision="fp32", attack=attack, judge=attack, **more
    )
    return train(start, images(classes), METHODS.build(method), config, seed=0, folder=folder)


NETWORKS = {
    "linear": body, "convolution": Convolutional, "auxiliary": Auxiliary, "tied": Tied, "pair": Pair, "binary": Binary,
}  # fmt: skip


@pytest.mark.parametrize("classes", [10, 4, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_trained_in_a_copy_and_found_again(name, classes, tmp_path):
    network = NETWORKS[name]()
    before = copy.deepcopy(network.state_dict())
    start = start_from(network, shape=SHAPE, classes=classes)
    result = trained(start, tmp_path, "tla", classes, ema=0.5)
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())
    had = 2 if name == "binary" else 10
    assert start.classes_before == (None if classes == had else had)
    assert start.compared == (classes == had)
    x = images(classes).floats(slice(6))
    outputs = result.model(x)
    assert outputs.logits.shape == (6, classes)
    assert not torch.equal(outputs.logits, start.fresh().eval()(x).logits)
    for bring in (NETWORKS[name](), start):
        again = load_model(result.path, bring).model(x)
        torch.testing.assert_close(again.logits, outputs.logits)  # convolutions of another memory layout
        torch.testing.assert_close(again.embedding, outputs.embedding)


def test_a_new_head_is_the_same_for_every_copy_and_keeps_the_rest():
    network = body()
    start = start_from(network, shape=SHAPE, classes=4)
    one, two = start.fresh(), start_from(network, shape=SHAPE, classes=4).fresh()
    assert all(torch.equal(one.state_dict()[key], value) for key, value in two.state_dict().items())
    assert torch.equal(one.state_dict()["module.1.weight"], network[1].weight)
    assert one.state_dict()["module.3.weight"].shape == (4, 16)
    assert "'3', which gives the logits, is replaced by a new layer" in start.remarks[-1]


def test_random_numbers_of_the_program_are_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    start_from(GivenModel(load="torchvision:squeezenet1_1"), shape=(3, 32, 32), classes=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_frozen_idle_and_half_precision_weights():
    network = body().half()
    network[1].requires_grad_(False)
    start = start_from(network, shape=SHAPE, classes=10)
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in start.network.parameters())
    said = " ".join(start.remarks)
    assert "turned from float16 into float32" in said
    assert "3,088 of its weights were frozen, and are trained too" in said
    assert network[1].weight.dtype == torch.float16
    assert not network[1].weight.requires_grad
    idle = start_from(Auxiliary(), shape=SHAPE, classes=10)
    assert "177 of its weights get no gradient in training, and stay as they are" in idle.remarks[-1]


def test_the_fingerprint_follows_weights_and_settings_but_not_where_they_lie():
    def found(network, **settings):
        return start_from(GivenModel(load="m:f", **settings), shape=SHAPE, classes=10, module=network).fingerprint

    same = found(body())
    assert found(body()) == same
    assert start_from(GivenModel(load="other.py:g"), shape=SHAPE, classes=10, module=body()).fingerprint == same
    changed = body()
    with torch.no_grad():
        changed[3].bias[0] += 1e-6
    assert found(changed) != same
    assert found(body(), mean=(0.5,), std=(0.5,)) != same
    assert found(body(), order=tuple(range(9, -1, -1))) != same


def test_normalisation_comes_back_with_the_weights(tmp_path):
    given = GivenModel(load="m:f", mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7), resize=8)
    start = start_from(given, shape=(3, 12, 12), classes=10, module=body())
    pixels = torch.randint(256, (40, 3, 12, 12)).to(torch.uint8)
    data = Images(pixels, torch.arange(40) % 10, tuple(map(str, range(10))), torch.arange(40), "noise", "train")
    config = TrainConfig(epochs=1, batch=20, holdout=10, eps=0.05, precision="fp32")
    result = train(start, data, METHODS.build("natural"), config, seed=0, folder=tmp_path)
    again = load_model(result.path, body()).model
    x = data.floats(slice(5))
    assert torch.equal(again(x).logits, result.model(x).logits)
    assert torch.equal(tla.load_model(result.path, start).model(x).logits, result.model(x).logits)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_torchscript_network_is_trained_or_refused(tmp_path):
    traced = torch.jit.script(Pair())
    torch.jit.save(traced, tmp_path / "net.pt")
    start = start_from(GivenModel(load=str(tmp_path / "net.pt")), shape=SHAPE, classes=10)
    result = trained(start, tmp_path / "run")
    x = images().floats(slice(6))
    again = load_model(result.path, torch.jit.load(tmp_path / "net.pt")).model
    assert torch.equal(again(x).logits, result.model(x).logits)
    with pytest.raises(ValueError, match=r"no new head for 4 classes can be put in.* TorchScript"):
        start_from(GivenModel(load=str(tmp_path / "net.pt")), shape=SHAPE, classes=4)
    torch.jit.save(torch.jit.freeze(torch.jit.script(Pair().eval())), tmp_path / "frozen.pt")
    with pytest.raises(ValueError, match="cannot be trained, no weight of it gets a gradient"):
        start_from(GivenModel(load=str(tmp_path / "frozen.pt")), shape=SHAPE, classes=10)


def test_an_onnx_network_is_trained_and_needs_no_code(tmp_path):
    pytest.importorskip("onnx2torch")
    helper = pytest.importorskip("onnx.helper")
    onnx = pytest.importorskip("onnx")
    numpy_helper = pytest.importorskip("onnx.numpy_helper")
    network = body()
    weights = [numpy_helper.from_array(w.detach().numpy(), f"w{k}") for k, w in enumerate(network.parameters())]
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w0", "w1"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "w2", "w3"], ["logits"], transB=1),
    ]
    inputs, outputs = [value("x", 1, ["n", *SHAPE])], [value("logits", 1, ["n", 10])]
    graph = helper.make_graph(nodes, "net", inputs, outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "net.onnx")
    for classes in (10, 4):
        start = start_from(GivenModel(load=str(tmp_path / "net.onnx")), shape=SHAPE, classes=classes)
        result = trained(start, tmp_path / f"run{classes}", classes=classes)
        x = images().floats(slice(6))
        assert torch.equal(load_model(result.path).model(x).logits, result.model(x).logits)


def test_weights_of_a_file_for_other_classes_in_a_network_that_its_source_sizes(tmp_path):
    from torchvision.models import squeezenet1_1

    torch.save(squeezenet1_1(num_classes=7).state_dict(), tmp_path / "seven.pth")
    given = GivenModel(load=f"{tmp_path / 'seven.pth'}@torchvision:squeezenet1_1")
    start = start_from(given, shape=(3, 32, 32), classes=3)
    assert start.classes_before == 7
    assert start.network(torch.zeros(2, 3, 32, 32)).logits.shape == (2, 3)
    first = torch.load(tmp_path / "seven.pth", weights_only=True)["features.0.weight"]
    assert torch.equal(start.network.state_dict()["module.features.0.weight"], first)


def test_resuming_with_other_weights_is_refused_or_starts_over(tmp_path):
    start = start_from(body(), shape=SHAPE, classes=10)
    first = trained(start, tmp_path)
    other = body()
    with torch.no_grad():
        other[1].weight.mul_(0.5)
    changed = start_from(other, shape=SHAPE, classes=10)
    with pytest.raises(ValueError, match=r"belongs to another run \(start was \w+, is \w+\)"):
        trained(changed, tmp_path)
    assert trained(start, tmp_path).facts == first.facts


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 10), nn.Softmax(1)), "returns probabilities"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10)), "does not accept images"),
    ],
)
def test_networks_that_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        start_from(network, shape=SHAPE, classes=10)


def test_a_head_without_weights_cannot_be_replaced():
    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 10, 3)
            self.scale = nn.Parameter(torch.ones(10))

        def forward(self, x):
            return self.body(x).amax((2, 3)) * self.scale

    with pytest.raises(ValueError, match="no new head for 4 classes fits in the place of 'body', start from"):
        start_from(GivenModel(load="m:f", head="none"), shape=SHAPE, classes=4, module=Sums())


def test_the_network_must_be_brought(tmp_path):
    result = trained(start_from(body(), shape=SHAPE, classes=10), tmp_path)
    assert isinstance(start_from(body(), shape=SHAPE, classes=10), Start)
    with pytest.raises(ValueError, match=r"code that a file names is not run: bring the network"):
        load_model(result.path)
