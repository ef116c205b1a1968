import pytest
import torch
from torch import nn

from tla.models import MODELS
from tla.representation import embed
from tla.types import Shape


@pytest.fixture
def model():
    return MODELS.build("small_cnn", width=4, embedding=16).build(Shape(1, 8, 8), 5)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_same_as_one_forward_pass(model, batch):
    x = torch.rand(7, 1, 8, 8)
    expected = model.eval()(x)
    found = embed(model, x, batch)
    torch.testing.assert_close(found.logits, expected.logits.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.embedding, expected.embedding.detach(), rtol=1e-5, atol=1e-5)


def test_bytes_are_scaled(model):
    x = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(embed(model, x), embed(model, x.float() / 255))


def test_each_module_keeps_its_own_mode_and_gradients_stay(model):
    model.train()
    model.backbone[1].eval()
    before = [module.training for module in model.modules()]
    model.head.weight.grad = torch.ones_like(model.head.weight)
    embed(model, torch.rand(2, 1, 8, 8))
    assert [module.training for module in model.modules()] == before
    assert (model.head.weight.grad == 1).all()


class Broken(nn.Linear):
    def forward(self, x):
        raise RuntimeError("broken")


def test_mode_is_restored_after_an_error(model):
    model.train()
    model.head = Broken(16, 5)
    with pytest.raises(RuntimeError, match="broken"):
        embed(model, torch.rand(2, 1, 8, 8))
    assert all(module.training for module in model.modules())


def test_batch_norm_is_not_touched(model):
    model.backbone.append(nn.BatchNorm1d(16))
    before = model.backbone[-1].running_mean.clone()
    embed(model.train(), torch.rand(4, 1, 8, 8))
    assert torch.equal(model.backbone[-1].running_mean, before)


def test_results_take_part_in_autograd(model):
    found = embed(model, torch.rand(2, 1, 8, 8))
    weight = torch.ones(16, requires_grad=True)
    (found.embedding @ weight).sum().backward()
    torch.testing.assert_close(weight.grad, found.embedding.sum(0))


def test_bfloat16_is_close_and_comes_back_as_float32(model):
    x = torch.rand(6, 1, 8, 8)
    found = embed(model, x, precision="bfloat16")
    assert found.logits.dtype == found.embedding.dtype == torch.float32
    torch.testing.assert_close(found.embedding, embed(model, x).embedding, rtol=0.05, atol=0.02)


def test_bad_input_is_named(model):
    with pytest.raises(ValueError, match="x must be a batch of at least one image"):
        embed(model, torch.rand(0, 1, 8, 8))
    with pytest.raises(ValueError, match="batch must be >= 1, got 0"):
        embed(model, torch.rand(2, 1, 8, 8), 0)
    with pytest.raises(ValueError, match=r"model must return Outputs\(logits, embedding\), got Tensor"):
        embed(nn.Flatten(), torch.rand(2, 1, 8, 8))
