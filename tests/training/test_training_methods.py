"""One step of every method against the formula written out; the toolbox leaves the network as it was."""

import pytest
import torch
from torch.nn.functional import cross_entropy
from training_small import images_of, normed_classifier

from tla.attacks.goals import Untargeted
from tla.attacks.pgd import PGD
from tla.attacks.search.loop import with_pursuit
from tla.distances import distance
from tla.models import build_model
from tla.models.small_cnn import SmallCNN
from tla.threat import Threat
from tla.training import METHODS, TrainConfig, open_engine
from tla.training.bank import Bank
from tla.training.batches import Batch, Pool
from tla.training.methods.trades import Drift
from tla.training.step_context import StepContext
from tla.types import Outputs, Shape

LABELS = [0, 1, 2] * 8
ROWS = torch.tensor([0, 1, 2, 3, 4, 5, 7, 9])


def context_for(module, **knobs):
    settings = {"batch": 8, "eps": 0.1, "attack": PGD(steps=2), "epochs": 2} | knobs
    config, engine = TrainConfig(**settings), open_engine("cpu", "fp32")
    pool = Pool(images_of(LABELS), torch.device("cpu"), pad=0, flip=False, channels_last=False)
    return StepContext(engine, module, engine.setup(module), pool, config, seed=0)


def a_batch(context):
    return Batch(context.pool.view(ROWS, context.augmenting), context.pool.labels[ROWS], ROWS)


@pytest.fixture
def network():
    return build_model(SmallCNN(width=4, embedding=8), Shape(1, 8, 8), 3, seed=2)


def attacked(network, context, batch):
    """The adversarial images of the step, made outside the toolbox."""
    attack = PGD(steps=2, pursuit="last_step")
    generator = torch.Generator()
    generator.set_state(context.attacking.get_state())
    return attack(network, batch.x, Untargeted(batch.y), Threat("linf", 0.1), generator=generator).adversarial


def step(network, name, **knobs):
    """The terms of one step, its batch and its adversarial images."""
    context = context_for(network)
    batch = a_batch(context)
    moved = attacked(network, context, batch)
    method = METHODS.build(name, **knobs)
    if method.requirements().bank:
        context.bank = Bank(method.requirements().bank, 8, torch.device("cpu"))
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
    apart = (u.logits - v.logits) if pair == "logits" else (u.embedding - v.embedding)
    entropy = (cross_entropy(u.logits, batch.y) + cross_entropy(v.logits, batch.y)) / 2
    assert terms.loss.item() == pytest.approx((entropy + 0.7 * apart.square().sum(1).mean()).item(), rel=1e-5)


def test_trades_climbs_and_pays_the_divergence(network):
    terms, batch, _, context = step(network, "trades", beta=3.0)
    clean = network(batch.x).logits.log_softmax(1)
    context.begin(0)
    moved = context.attack(batch, Drift(clean.detach()))
    divergence = (clean.exp() * (clean - network(moved).logits.log_softmax(1))).sum(1)
    expected = cross_entropy(network(batch.x).logits, batch.y) + 3 * divergence.mean()
    assert terms.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    start = Drift(clean.detach()).value(network(batch.x))
    assert start.abs().max() < 1e-6
    assert (divergence > 0).all()


def test_fast_takes_one_step_of_its_own_stride(network):
    terms, batch, _, context = step(network, "fast", stride=0.5)
    context.begin(0)
    attack = PGD(steps=1, step_size=0.05, pursuit="last_step")
    moved = attack(network, batch.x, Untargeted(batch.y), Threat("linf", 0.1), generator=context.attacking).adversarial
    assert terms.loss.item() == pytest.approx(cross_entropy(network(moved).logits, batch.y).item(), rel=1e-6)


def test_weight_perturbation_climbs_and_is_undone(network):
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


def test_tla_with_fresh_images_draws_its_own(network):
    """The paper: replayed draw by draw."""
    knobs = {"mining": "fresh", "pool": 5, "triplets": 2, "second_alpha": 0.6, "pull": 0.5, "alpha": 0.3, "rho": 0.01}
    terms, batch, moved, context = step(network, "tla", lambda_triplet=2.0, **knobs)
    context.begin(0)
    pool = context.draw(context.pool.fresh(5, context.mining))
    keys, v, h = network(pool.x).embedding, network(moved).embedding, network(batch.x).embedding
    positives = network(context.draw(context.pool.positives(ROWS, context.mining)).x).embedding
    noise = torch.rand(batch.x.shape, generator=context.mining)
    twins = network((batch.x + 8 / 255 * (2 * noise - 1)).clamp(0, 1)).embedding
    total, counted = 0.0, 0
    for i, y in enumerate(batch.y.tolist()):
        if all(other == y for other in pool.y.tolist()):
            continue
        n = keys[nearest_of_another_class(v[i], y, keys, pool.y)]
        counted += 1
        for p, margin in ((positives[i], 0.3), (twins[i], 0.6)):
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
    seen = {True: set(), False: set()}
    for filtered, pairs in seen.items():
        context = context_for(network)
        batch, method = a_batch(context), METHODS.build("tla-rn", filtered=filtered)
        from tla.training.triplet_method import Keys

        for _ in range(100):
            choice = method.negatives(batch, lambda: None, Keys(lambda: None, batch.y), context)
            pairs |= {(y, batch.y[j].item()) for y, j in zip(batch.y.tolist(), choice.rows.tolist(), strict=True)}
    assert all(a != b for a, b in seen[True])
    assert any(a == b for a, b in seen[False])


def test_the_pool_with_one_image_counts_only_other_classes(network):
    terms, *_ = step(network, "tla", mining="fresh", pool=1, alpha=0.5)
    assert torch.isfinite(terms.loss)


def test_training_attacks_never_let_an_image_go():
    assert with_pursuit(PGD(steps=3), "last_step").pursuit == "last_step"


@pytest.mark.parametrize("name", METHODS.names())
def test_attack_sees_evaluation_mode_and_training_mode_comes_back(name):
    module = normed_classifier(classes=3)
    modes = []
    module.register_forward_hook(lambda m, i, o: modes.append((m.training, torch.is_grad_enabled())))
    context = context_for(module)
    METHODS.build(name)(a_batch(context), context)
    assert modes[-1] == (True, True)
    assert name == "natural" or modes[0][0] is False


@pytest.mark.parametrize("kind", ["clean", "adversarial", "both"])
def test_whose_statistics_batch_norm_keeps(kind):
    """The running mean moves to the mean of the images that the knob names."""
    module = normed_classifier(classes=3)
    context = context_for(module, batch_norm=kind)
    batch, norm = a_batch(context), module.backbone[1]
    moved = (batch.x + 0.3).clamp(0, 1)
    conv = module.backbone[0]
    means = {"clean": conv(batch.x), "adversarial": conv(moved), "both": conv(torch.cat((moved, batch.x)))}
    expected = {name: 0.1 * value.mean((0, 2, 3)).detach() for name, value in means.items()}
    for natural in (batch.x, None):  # methods that look at clean images, and AT
        norm.reset_running_stats()
        seen = context.forward(batch, adversarial=moved, natural=natural)
        told = "adversarial" if natural is None and kind == "both" else kind
        assert torch.allclose(norm.running_mean, expected[told], atol=1e-6)
        assert norm.momentum == 0.1
        assert isinstance(seen.adversarial, Outputs)
        assert (seen.natural is None) == (natural is None)
