"""Foreign modules become models that return `Outputs`, and are not changed."""

import threading
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional

from tla.models import MODELS, as_classifier, build_model
from tla.types import Outputs, Shape

SHAPE = Shape(1, 8, 8)


class Plain(nn.Module):
    """Logits alone, activations as functions, the head not the last attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(16, 10)
        self.hidden = nn.Linear(64, 16)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.head(self.drop(functional.relu(self.hidden(x.flatten(1)))))

    def embedding(self, x):
        return functional.relu(self.hidden(x.flatten(1)))


class Answer(nn.Module):
    """Returns what a function makes of the logits."""

    def __init__(self, make) -> None:
        super().__init__()
        self.body, self.make = Plain(), make

    def forward(self, x):
        return self.make(self.body(x))


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [SHAPE, None])
def test_the_embedding_is_the_input_of_the_last_linear_layer(x, shape):
    plain = Plain().eval()
    model = as_classifier(plain, shape=shape)
    outputs = model(x)
    assert isinstance(outputs, Outputs)
    assert torch.equal(outputs.logits, plain(x))
    assert torch.equal(outputs.embedding, plain.embedding(x))
    assert (model.classes, model.width) == (10, 16)


def test_the_module_is_unchanged(x):
    plain = Plain().train()
    plain.hidden.eval()
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    model = as_classifier(plain, shape=SHAPE)
    model(x)
    assert [layer.training for layer in plain.modules()] == [True, True, False, True]
    assert all(not layer._forward_hooks and not layer._forward_pre_hooks for layer in plain.modules())
    assert all(torch.equal(before[name], value) for name, value in plain.state_dict().items())
    assert all(weight.grad is None for weight in plain.parameters())


def test_no_hook_is_left_by_a_forward_that_fails():
    plain = Plain()
    model = as_classifier(plain, shape=SHAPE)
    with pytest.raises(ValueError, match=r"does not accept images of shape \(1, 5, 5\)"):
        model(torch.rand(2, 1, 5, 5))
    assert not plain.head._forward_hooks


def test_gradients_flow_through_logits_and_embedding(x):
    plain = Plain().eval()
    model = as_classifier(plain, shape=SHAPE)
    x.requires_grad_()
    (through,) = torch.autograd.grad(model(x).embedding.sum(), x)
    (direct,) = torch.autograd.grad(plain.embedding(x).sum(), x)
    assert torch.allclose(through, direct)


def test_threads_on_one_module_are_independent():
    plain = Plain().eval()
    model = as_classifier(plain, shape=SHAPE)
    inputs = [torch.rand(7, *SHAPE, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    wrong = []

    def work(mine: torch.Tensor) -> None:
        expected = plain.embedding(mine)
        wrong.extend(k for k in range(50) if not torch.equal(model(mine).embedding, expected))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_pair_of_logits_and_embedding(x):
    model = as_classifier(Answer(lambda logits: (logits, logits[:, :4])).eval(), shape=SHAPE, classes=10)
    outputs = model(x)
    assert isinstance(outputs, Outputs)
    assert outputs.embedding.shape == (5, 4)
    assert model.width == 4


def test_a_module_that_returns_outputs_is_returned():
    ours = build_model(MODELS.build("small_cnn", width=4), SHAPE, 10, seed=0)
    assert as_classifier(ours, shape=SHAPE) is ours


def test_normalisation_goes_inside(x):
    plain = Plain().eval()
    model = as_classifier(plain, shape=SHAPE, mean=(0.5,), std=(0.25,))
    assert torch.allclose(model(x).logits, plain((x - 0.5) / 0.25), atol=1e-6)


def test_a_named_layer_gives_the_embedding(x):
    class Convolutional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 10, 1)

        def forward(self, x):
            return self.head(self.body(x).relu().mean((2, 3), keepdim=True)).flatten(1)

    module = Convolutional().eval()
    for head in (None, "head"):
        outputs = as_classifier(module, shape=SHAPE, head=head)(x)
        assert torch.allclose(outputs.embedding, module.body(x).relu().mean((2, 3)))
    wrong = (
        r"unknown layer 'haed'; did you mean 'head'\? Layers and the widths of their inputs: body \(64\), head \(6\)"
    )
    with pytest.raises(ValueError, match=wrong):
        as_classifier(module, shape=SHAPE, head="haed")


def test_a_linear_layer_that_does_not_return_the_logits():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = nn.Linear(64, 16)

        def forward(self, x):
            return self.hidden(x.flatten(1))[:, :10]

    with pytest.raises(
        ValueError, match=r"Odd: its last linear layer does not return the logits \('hidden' returns \(2, 16\)"
    ):
        as_classifier(Odd(), shape=SHAPE)


class Broken:
    """Outputs that cannot be used, and the errors they cause."""

    cases: ClassVar = [
        (
            lambda z: z.softmax(1),
            {},
            "Answer returns probabilities (every row is >= 0 and sums to 1): return the logits",
        ),
        (lambda z: (z.softmax(1), z), {}, "returns probabilities"),
        (lambda z: {"out": z}, {}, "or Outputs, got dict with 'out'; name its logits 'logits'"),
        (lambda z: (), {}, "must return logits, (logits, embedding) or Outputs, got tuple of 0"),
        (lambda z: None, {}, "must return logits, (logits, embedding) or Outputs, got NoneType"),
        (lambda z: z[:, :1].sigmoid(), {}, "returns probabilities (its last operation is a sigmoid)"),
        (lambda z: z.sigmoid().squeeze(), {}, "returns probabilities (its last operation is a sigmoid)"),
        (lambda z: z[:, :1], {"classes": 7}, "Answer has 2 classes (it returns one logit), the data has 7"),
        (lambda z: z, {"classes": 7}, "set order to their positions (--order)"),
        (lambda z: (z[:, :4], z), {"classes": 10}, "the width of its second output: return (logits, embedding), in"),
        (lambda z: z.reshape(2, 10, 1, 1), {}, "a network that answers per pixel is not a classifier"),
        (lambda z: z.argmax(1), {}, "logits must be a tensor of floats, got torch.int64"),
        (lambda z: z[:1], {}, "logits must have shape (2, classes >= 2), got (1, 10)"),
        (lambda z: z[..., None], {}, "logits must have shape (2, classes >= 2), got (2, 10, 1)"),
        (lambda z: z, {"classes": 7}, "Answer has 10 classes, the data has 7"),
        (lambda z: (z[:, :4], z), {"classes": 10}, "Answer has 4 classes, the data has 10"),
        (lambda z: Outputs(z, z[..., None]), {}, "the embedding must have shape (2, d), got (2, 10, 1)"),
    ]


@pytest.mark.parametrize(("make", "known", "text"), Broken.cases)
def test_outputs_that_cannot_be_used_are_refused(make, known, text):
    with pytest.raises(ValueError) as caught:
        as_classifier(Answer(make), shape=SHAPE, **known)
    assert text in str(caught.value)


def test_log_probabilities_are_logits(x):
    model = as_classifier(Answer(lambda z: z.log_softmax(1)).eval(), shape=SHAPE)
    assert torch.allclose(model(x).logits.exp().sum(1), torch.ones(5))


def test_images_that_the_module_does_not_accept():
    with pytest.raises(ValueError, match=r"Plain does not accept images of shape \(1, 9, 9\)"):
        as_classifier(Plain(), shape=(1, 9, 9))


def test_a_model_that_has_not_been_called():
    with pytest.raises(ValueError, match="has not been called yet: pass the shape of the images to as_classifier"):
        _ = as_classifier(Plain()).classes


@pytest.mark.parametrize(
    ("mean", "std", "text"), [((0.1, 0.2), (1.0,), "same length, got 2 and 1"), ((0.0,), (0.0,), "std must be > 0")]
)
def test_invalid_statistics(mean, std, text):
    with pytest.raises(ValueError, match=text):
        as_classifier(Plain(), mean=mean, std=std)


def test_the_head_of_a_token_model(x):
    """The last linear layer in order of execution, not of definition; its input is after pooling."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.embed, self.mix = nn.Linear(12, 3), nn.Linear(8, 12), nn.Linear(12, 12)

        def forward(self, x):
            return self.head(self.mix(self.embed(x[:, 0])).mean(1))

    outputs = as_classifier(Tokens(), shape=SHAPE)(x)
    assert outputs.embedding.shape == (5, 12)
