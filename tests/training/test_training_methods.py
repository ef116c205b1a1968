"""One step of each method against its formula written out; whose statistics batch norm keeps."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_small import ROWS, normed_classifier, one_step

from tla.attacks.goals import Untargeted
from tla.attacks.pgd import PGD
from tla.attacks.search.loop import with_pursuit
from tla.distances import distance
from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.threat import Threat
from tla.training import METHODS
from tla.training.methods.trades import DivergenceGoal
from tla.training.triplet_method import Keys
from tla.types import Outputs, Shape


@pytest.fixture
def network():
    return build_model(SmallCNN(width=4, embedding=8), Shape(1, 8, 8), 3, seed=2)


def attacked(network, context, batch):
    """The adversarial images of the step, by the attack itself."""
    attack = PGD(steps=2, pursuit="last_step")
    generator = torch.Generator()
    generator.set_state(context.attacking.get_state())
    return attack(network, batch.x, Untargeted(batch.y), Threat("linf", 0.1), generator=generator).adversarial


def step(network, name, **settings):
    """The terms of one step, its batch and its adversarial images."""
    method = METHODS.build(name, **settings)
    batch, context = one_step(network, method)
    moved = attacked(network, context, batch)
    return method(batch, context), batch, moved, context


def test_cross_entropies(network):
    natural, batch, _, _ = step(network, "natural")
    assert natural.loss.item() == pytest.approx(cross_entropy(network(batch.x).logits, batch.y).item(), rel=1e-6)
    at, batch, moved, _ = step(network, "at")
    assert at.loss.item() == pytest.approx(cross_entropy(network(moved).logits, batch.y).item(), rel=1e-6)


@pytest.mark.parametrize("pair", ["logits", "features"])
def test_alp(network, pair):
    terms, batch, moved, _ = step(network, "alp", pair=pair, weight=0.7)
    u, v = network(batch.x), network(moved)
    difference = (u.logits - v.logits) if pair == "logits" else (u.embedding - v.embedding)
    entropy = (cross_entropy(u.logits, batch.y) + cross_entropy(v.logits, batch.y)) / 2
    assert terms.loss.item() == pytest.approx((entropy + 0.7 * difference.square().sum(1).mean()).item(), rel=1e-5)


def test_trades_attacks_and_minimises_the_divergence(network):
    terms, batch, _, context = step(network, "trades", beta=3.0)
    clean = network(batch.x).logits.log_softmax(1)
    context.begin(0)
    moved = context.attack(batch, DivergenceGoal(clean.detach()))
    divergence = (clean.exp() * (clean - network(moved).logits.log_softmax(1))).sum(1)
    expected = cross_entropy(network(batch.x).logits, batch.y) + 3 * divergence.mean()
    assert terms.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    start = DivergenceGoal(clean.detach()).value(network(batch.x))
    assert start.abs().max() < 1e-6
    assert (divergence > 0).all()


def test_fast_takes_one_step_of_its_own_stride(network):
    terms, batch, _, context = step(network, "fast", stride=0.5)
    context.begin(0)
    attack = PGD(steps=1, step_size=0.05, pursuit="last_step")
    moved = attack(network, batch.x, Untargeted(batch.y), Threat("linf", 0.1), generator=context.attacking).adversarial
    assert terms.loss.item() == pytest.approx(cross_entropy(network(moved).logits, batch.y).item(), rel=1e-6)


def test_weight_perturbation_raises_the_loss_and_is_undone(network):
    before = {name: value.clone() for name, value in network.named_parameters()}
    terms, batch, moved, _ = step(network, "at-awp", gamma=0.01)
    for name, value in network.named_parameters():
        length = (value - before[name]).norm() / before[name].norm()
        assert length.item() == pytest.approx(0.01 if value.ndim > 1 else 0.0, rel=1e-3)
    perturbed = cross_entropy(network(moved).logits, batch.y)
    assert terms.loss.item() == pytest.approx(perturbed.item(), rel=1e-6)
    terms.undo()
    assert all(torch.equal(value, before[name]) for name, value in network.named_parameters())
    assert terms.loss > cross_entropy(network(moved).logits, batch.y)


def hinge(a, p, n, margin):
    return (distance(a, p) - distance(a, n) + margin).clamp_min(0)


def nearest_of_another_class(query, y, keys, key_y):
    others = [j for j in range(len(key_y)) if key_y[j] != y]
    return min(others, key=lambda j: distance(query, keys[j]).item())


@pytest.mark.parametrize("name", ["tla", "tla-sa"])
def test_tla_mines_in_the_batch(network, name):
    """Every positive that could have been drawn gives a loss; the step's is one of their combinations."""
    terms, batch, moved, _ = step(network, name, lambda_triplet=2.0, alpha=0.3, rho=0.0)
    h, v = network(batch.x).embedding, network(moved).embedding
    low = high = 0.0
    for i, y in enumerate(batch.y.tolist()):
        n = h[nearest_of_another_class(v[i], y, h, batch.y)]
        partners = [j for j, other in enumerate(batch.y.tolist()) if other == y and j != i]
        pairs = [(h[i], v[i])] if name == "tla-sa" else [(v[i], h[j]) for j in partners]
        values = [hinge(a, p, n, 0.3).item() for a, p in pairs]
        low, high = low + min(values) / 8, high + max(values) / 8
    triplet = (terms.loss - terms.cross_entropy).item() / 2
    assert low - 1e-5 <= triplet <= high + 1e-5
    assert terms.triplet.item() == pytest.approx(triplet, rel=1e-4, abs=1e-6)
    assert name == "tla" or low == pytest.approx(high)


def test_tla_with_a_fresh_pool(network):
    """As in the paper, replayed draw by draw."""
    settings = {
        "mining": "fresh",
        "pool": 5,
        "triplets": 2,
        "second_alpha": 0.6,
        "pull": 0.5,
        "alpha": 0.3,
        "rho": 0.01,
    }
    terms, batch, moved, context = step(network, "tla", lambda_triplet=2.0, **settings)
    context.begin(0)
    pool = context.fetch(context.pool.sample(5, context.mining))
    keys, v, h = network(pool.x).embedding, network(moved).embedding, network(batch.x).embedding
    positives = network(context.fetch(context.pool.positives(ROWS, context.mining)).x).embedding
    noise = torch.rand(batch.x.shape, generator=context.mining)
    noisy = network((batch.x + 8 / 255 * (2 * noise - 1)).clamp(0, 1)).embedding
    total, counted = 0.0, 0
    for i, y in enumerate(batch.y.tolist()):
        if all(other == y for other in pool.y.tolist()):
            continue
        n = keys[nearest_of_another_class(v[i], y, keys, pool.y)]
        counted += 1
        for p, margin in ((positives[i], 0.3), (noisy[i], 0.6)):
            norm = (v[i].square() + p.square() + n.square()).mean()
            total = total + hinge(v[i], p, n, margin) + 0.01 * norm
    pull = (h - v).square().sum(1).mean()
    expected = cross_entropy(network(moved).logits, batch.y) + 2 * total / counted + 0.5 * pull
    assert terms.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    weights = list(network.parameters())
    found = torch.autograd.grad(terms.loss, weights)
    for ours, theirs in zip(found, torch.autograd.grad(expected, weights), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_tla_with_a_bank_uses_embeddings_without_a_gradient(network):
    terms, batch, _, context = step(network, "tla", mining="bank", pool=20, rho=0.0, alpha=0.3)
    assert torch.allclose(context.bank.embeddings[:8], network(batch.x).embedding, atol=1e-6)
    assert context.bank.labels.tolist() == batch.y.tolist() + [-1] * 12
    assert terms.active.item() > 0
    assert not context.bank.embeddings.requires_grad


@pytest.mark.parametrize("mining", ["fresh", "batch", "bank"])
@pytest.mark.parametrize("name", ["tla", "tla-rn", "tla-sa"])
@pytest.mark.parametrize("triplets", [1, 2])
def test_every_way_of_mining_has_a_gradient(network, name, mining, triplets):
    terms, *_ = step(network, name, mining=mining, triplets=triplets, pool=12, alpha=0.5)
    gradients = torch.autograd.grad(terms.loss, list(network.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)
    assert 0 < terms.active <= 1
    assert terms.triplet > 0


def test_random_negatives_are_filtered_or_not(network):
    drawn = {True: set(), False: set()}
    for filtered, pairs in drawn.items():
        method = METHODS.build("tla-rn", filtered=filtered)
        batch, context = one_step(network, method)
        for _ in range(100):
            choice = method.negatives(batch, lambda: None, Keys(lambda: None, batch.y), context)
            pairs |= {(y, batch.y[j].item()) for y, j in zip(batch.y.tolist(), choice.rows.tolist(), strict=True)}
    assert all(a != b for a, b in drawn[True])
    assert any(a == b for a, b in drawn[False])


def test_the_pool_with_one_image_counts_only_other_classes(network):
    terms, *_ = step(network, "tla", mining="fresh", pool=1, alpha=0.5)
    assert torch.isfinite(terms.loss)


def test_training_attacks_keep_every_image_in_the_batch():
    assert with_pursuit(PGD(steps=3), "last_step").pursuit == "last_step"


@pytest.mark.parametrize("kind", ["clean", "adversarial", "both"])
def test_whose_statistics_batch_norm_keeps(kind):
    """The running mean moves to the mean of the images that the setting names."""
    module = normed_classifier(classes=3)
    batch, context = one_step(module, batch_norm=kind)
    norm = module.backbone[1]
    moved = (batch.x + 0.3).clamp(0, 1)
    conv = module.backbone[0]
    means = {"clean": conv(batch.x), "adversarial": conv(moved), "both": conv(torch.cat((moved, batch.x)))}
    expected = {name: 0.1 * value.mean((0, 2, 3)).detach() for name, value in means.items()}
    for natural in (batch.x, None):  # methods that use clean images, and AT
        norm.reset_running_stats()
        outputs = context.forward(batch, adversarial=moved, natural=natural)
        counted = "adversarial" if natural is None and kind == "both" else kind
        assert torch.allclose(norm.running_mean, expected[counted], atol=1e-6)
        assert norm.momentum == 0.1
        assert isinstance(outputs.adversarial, Outputs)
        assert (outputs.natural is None) == (natural is None)
