"""Backbones and foreign models on a GPU: the same outputs, in the precision of training."""

import pytest
import torch
from torch import nn

from tla.data import SOURCES, holdout, per_class
from tla.models import MODELS, as_classifier, build_model
from tla.types import Shape

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("small_cnn", Shape(1, 28, 28)),
        ("resnet18", Shape(3, 32, 32)),
        ("wrn-32-10", Shape(3, 32, 32)),
        ("resnet50", Shape(3, 64, 64)),
    ],
)
def test_backbones(name, shape):
    model = build_model(MODELS.build(name), shape, 10, seed=0).eval()
    x = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    expected = model(x)
    model = model.to("cuda", memory_format=torch.channels_last)
    found = model(x.cuda().to(memory_format=torch.channels_last))
    assert torch.allclose(found.logits.cpu(), expected.logits, rtol=1e-2, atol=1e-2)
    with torch.autocast("cuda", torch.bfloat16):
        coarse = model(x.cuda())
    assert torch.allclose(coarse.logits.float().cpu(), expected.logits, rtol=0.1, atol=0.1)


def test_foreign_models_and_images_on_the_gpu():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)).cuda()
    images = SOURCES.build("digits").load().test.to("cuda")
    model = as_classifier(module, shape=images.shape, mean=(0.5,), std=(0.25,))
    outputs = model(images.floats(torch.arange(4, device="cuda")))
    assert outputs.embedding.device.type == "cuda"
    assert torch.equal(outputs.logits, module((images.floats(slice(0, 4)) - 0.5) / 0.25))
    assert len(holdout(images, 20, 0).held_out) == 20
    assert len(per_class(images, 2)) == 20
