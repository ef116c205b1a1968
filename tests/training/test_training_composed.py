"""The method that trains any registered loss, against the methods and formulas that it composes."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_small import normed_classifier, one_step

from tla.cli import main
from tla.cli.settings import overridden, with_method_settings
from tla.distances import distance
from tla.losses.alp import Pairing
from tla.losses.mining.selection import random_key, same_class
from tla.losses.triplet import Triplet
from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.seeding import generator
from tla.study import recipes, study_from
from tla.training import METHODS
from tla.types import Shape


def network():
    return build_model(SmallCNN(width=4, embedding=8), Shape(1, 8, 8), 3, seed=2)


def step(module, name, **settings):
    """The terms of one step, their gradients, and the batch."""
    method = METHODS.build(name, **settings)
    batch, context = one_step(module, method)
    terms = method(batch, context)
    return terms, torch.autograd.grad(terms.loss, list(module.parameters()), retain_graph=True), batch, context


def same(first, second):
    """The same loss and the same gradients, bit for bit."""
    gradients = zip(first[1], second[1], strict=True)
    return torch.equal(first[0].loss, second[0].loss) and all(torch.equal(a, b) for a, b in gradients)


def test_without_weight_it_is_adversarial_training():
    """Batch norm makes the forward pass of adversarial images their own, as in AT: bit for bit."""
    modules = [normed_classifier(3), normed_classifier(3)]
    assert same(step(modules[0], "composed", weight=0.0), step(modules[1], "at"))
    statistics = [dict(module.named_buffers()) for module in modules]
    assert all(torch.equal(statistics[0][key], statistics[1][key]) for key in statistics[0] if "running" in key)
    ours, theirs = step(network(), "composed", weight=0.0)[0], step(network(), "at")[0]  # here 16 images, not 8
    assert ours.loss.item() == pytest.approx(theirs.loss.item(), rel=1e-6)


@pytest.mark.parametrize("pair", ["logits", "features"])
def test_with_logit_pairing_it_is_the_method_alp(pair):
    settings = {"loss": "alp", "settings": {"of": pair}, "weight": 0.7, "cross_entropy": "both"}
    assert same(step(network(), "composed", **settings), step(network(), "alp", weight=0.7, pair=pair))


@pytest.mark.parametrize("name", ["abs_cosine", "euclidean"])
def test_with_the_triplet_loss_it_is_the_method_tla(name):
    triplet = {"alpha": 0.3, "rho": 0.01, "distance": name}
    settings = {"loss": "triplet", "settings": triplet, "weight": 2.0}
    ours, theirs = step(network(), "composed", **settings), step(network(), "tla", lambda_triplet=2.0, **triplet)
    assert same(ours, theirs)
    assert torch.equal(ours[0].triplet, theirs[0].triplet)
    assert torch.equal(ours[0].active, theirs[0].active)


def test_the_triplet_formula_written_out():
    module = network()
    terms, _, batch, context = step(module, "composed", settings={"alpha": 0.3, "rho": 0.0}, weight=2.0)
    context.begin(0)
    moved = context.attack(batch)
    h, v = module(batch.x).embedding, module(moved).embedding
    own = torch.arange(8)
    drawn = random_key(same_class(batch.y, batch.y, own), generator(0, "mining", 0, 0))
    total = 0.0
    for i, y in enumerate(batch.y.tolist()):
        negative = min((j for j in range(8) if batch.y[j] != y), key=lambda j: distance(v[i], h[j]).item())
        gap = distance(v[i], h[drawn.rows[i]]) - distance(v[i], h[negative])
        total = total + (gap + 0.3).clamp_min(0) / 8
    expected = cross_entropy(module(moved).logits, batch.y) + 2 * total
    assert terms.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert terms.triplet.item() == pytest.approx(total.item(), rel=1e-4)


def test_images_of_the_cross_entropy():
    module = network()
    values = {kind: step(module, "composed", weight=0.0, cross_entropy=kind)[0] for kind in ("clean", "adversarial")}
    both = step(module, "composed", weight=0.0, cross_entropy="both")[0]
    mean = (values["clean"].loss + values["adversarial"].loss) / 2
    assert both.loss.item() == pytest.approx(mean.item(), rel=1e-6)
    assert values["adversarial"].loss > values["clean"].loss
    alone = step(module, "composed", loss="trades", weight=3.0, cross_entropy="none")[0]
    assert alone.cross_entropy.item() == 0
    assert alone.loss > 0
    assert alone.triplet.isnan()
    assert alone.active.isnan()


def test_settings_that_change_nothing_are_named():
    assert set(METHODS.build("composed", weight=0.0).idle()) == {"loss", "settings"}
    assert METHODS.build("composed").idle() == {}


WORDS = ["--methods", "composed", "--method.composed.loss", "alp", "--method.composed.settings.of", "features"]


def test_the_command_line_sets_the_loss_and_its_settings():
    """The whole road, with a loss of one's own, is in tests/test_extending.py."""
    values, rest = with_method_settings(recipes.read("digits"), WORDS)
    study = overridden(study_from(values), rest)
    assert study.methods == ("composed",)
    assert study.build_method("composed").built == Pairing(of="features")


def test_variants_of_a_study_have_losses_of_their_own():
    study = study_from(recipes.read("digits") | {"methods": ["composed", "composed@loss=alp,settings.of=features"]})
    assert study.build_method("composed").built == Triplet()
    assert study.build_method("composed@loss=alp,settings.of=features").built == Pairing(of="features")
    with pytest.raises(ValueError, match=r"loss changes nothing in 'composed@weight=0,loss=alp': weight is 0"):
        study.build_method("composed@weight=0,loss=alp")


def test_a_mistyped_loss_is_met_with_the_nearest(tmp_path, capsys):
    words = ["study", "digits", "--methods", "composed", "--method.composed.loss", "tripelt"]
    assert main([*words, "--out", str(tmp_path)]) == 1
    assert "unknown loss 'tripelt'; did you mean 'triplet'? Known: alp, " in capsys.readouterr().err
