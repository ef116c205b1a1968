"""Doubts about a given model, found on labelled images."""

import pytest
import torch
from torch import nn

from tla.models import sanity_check
from tla.types import Outputs

NAMES = ("ant", "bee", "cat", "dog", "eel")


class Answers(nn.Module):
    """The first pixel is the true class; the logits are at `order`, the embedding is what a function makes of them."""

    def __init__(self, order=range(5), embedding=lambda logits: logits[:, :2], share: float = 2.0) -> None:
        super().__init__()
        self.order, self.embedding, self.share = list(order), embedding, share

    def forward(self, x):
        true = (x[:, 0, 0, 0] * 10).round().long()
        strayed = torch.where(x[:, 0, 0, 1] < self.share, true, (true + 1) % 5)
        logits = 9 * nn.functional.one_hot(torch.tensor(self.order)[strayed], 5).float()
        return Outputs(logits, self.embedding(logits))


def labelled(n: int = 100):
    y = torch.arange(n) % 5
    x = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    x[:, 0, 0, 0] = y / 10
    return x, y


def test_a_sound_model_has_no_doubts():
    model = Answers(share=0.6).train()
    x, y = labelled()
    before = x.clone()
    found = sanity_check(model, x, y, NAMES)
    assert found.warnings == ()
    assert (found.order, found.swapped) == (None, False)
    assert 40 <= found.clean.right <= 80
    assert model.training
    assert torch.equal(x, before)


def test_bytes_are_divided_by_255():
    x, y = labelled()
    assert sanity_check(Answers(), (x * 255).round().to(torch.uint8), y, NAMES).clean.right == 100


def test_another_order_of_the_classes_is_named_with_the_option_that_mends_it():
    x, y = labelled()
    found = sanity_check(Answers([1, 0, 2, 4, 3], share=0.9), x, y, NAMES)
    assert found.order == (1, 0, 2, 4, 3)
    assert "'ant' (class 0) by logit 1, 'bee' (class 1) by logit 0, 'dog' (class 3) by logit 4" in found.warnings[0]
    assert found.warnings[0].endswith("set order to 1 0 2 4 3 (--order 1 0 2 4 3)")


def test_alternating_labels_of_two_classes_in_another_order():
    class Reversed(nn.Module):
        def forward(self, x):
            logits = torch.stack([x[:, 0, 0, 0], -x[:, 0, 0, 0]], 1)
            return Outputs(logits, logits[:, :1])

    y = torch.arange(60) % 2
    x = torch.zeros(60, 1, 4, 4)
    x[:, 0, 0, 0] = y - 0.5
    assert sanity_check(Reversed(), x, 1 - y, ("no", "yes")).order is None
    assert sanity_check(Reversed(), x, y, ("no", "yes")).order == (1, 0)


def test_a_swap_of_logits_and_embedding():
    x, y = labelled()
    model = Answers([0] * 5, embedding=lambda logits: logits)
    truth = Answers()
    model.embedding = lambda logits: truth(x[: len(logits)]).logits
    found = sanity_check(model, x, y, NAMES)
    assert found.swapped
    assert "seems to return (embedding, logits): the second output is right on 100% of 100" in found.warnings[0]
    assert "not above chance" in found.warnings[1]


def test_chance():
    x, y = labelled()
    found = sanity_check(Answers([2] * 5), x, y, NAMES)
    assert len(found.warnings) == 1
    assert "clean accuracy is not above chance (20 of 100 clean images are right, 20 would be" in found.warnings[0]


def test_too_few_images_to_tell():
    x, y = labelled(3)
    found = sanity_check(Answers([2] * 5), x, y, NAMES)
    assert not found.clean.decidable
    assert found.warnings == (), "no reason to doubt, and none to trust"


def test_a_wrong_number_of_classes_is_refused():
    x, y = labelled()
    with pytest.raises(ValueError, match="the model has 5 classes, the data has 3; if some of its logits"):
        sanity_check(Answers(), x, y % 3, NAMES[:3])
    with pytest.raises(ValueError, match=r"labels must be 0\.\.4, got 0 to 9"):
        sanity_check(Answers(), x, torch.arange(100) % 10, NAMES)


def test_a_swap_of_two_classes_shows_on_48_images():
    x, y = labelled(48)
    assert sanity_check(Answers((0, 2, 1, 3, 4)), x, y, NAMES).order == (0, 2, 1, 3, 4)
