"""What every registered attack keeps: a new file is covered the moment it exists."""

import importlib.util
import sys

import pytest
import torch
from attack_cases import ALL, SHAPES, linear_problem, quick, rng_states
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tla.attacks import ATTACKS, LeaveEmbedding, Targeted, Untargeted
from tla.attacks.external.adapter import ExternalAttack
from tla.config import from_dict, to_dict
from tla.seeding import generator
from tla.threat import NORMS, Threat
from tla.types import Outputs

PACKAGES = ("pyautoattack", "adv_lib", "foolbox")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def case(name, norm):
    foreign = issubclass(ATTACKS.get(name), ExternalAttack)
    marks = [pytest.mark.peers, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]
    return pytest.param(name, norm, marks=marks if foreign else [], id=f"{name}-{norm}")


def norms(name):
    return getattr(ATTACKS.get(name), "norms", NORMS)


every_attack_and_norm = pytest.mark.parametrize(
    ("name", "norm"), [case(name, norm) for name in ALL for norm in norms(name)]
)
every_attack = pytest.mark.parametrize(("name", "norm"), [case(name, norms(name)[0]) for name in ALL])
EPS = {"linf": 0.25, "l2": 1.5, "l1": 8.0}


def run(name, norm, digits, n=6, eps=None, seed=0, model=None):
    threat = Threat(norm, EPS[norm] if eps is None else eps)
    goal = Untargeted(digits.y[:n])
    return quick(name)(model or digits.model, digits.x[:n], goal, threat, generator=generator(seed, "contract"))


@every_attack_and_norm
def test_result_is_what_it_says(name, norm, digits):
    result = run(name, norm, digits)
    x, y = digits.x[:6], digits.y[:6]
    assert result.adversarial.shape == x.shape
    assert result.adversarial.dtype == x.dtype
    assert ((result.adversarial >= 0) & (result.adversarial <= 1)).all()
    threat = Threat(norm, EPS[norm])
    assert torch.allclose(result.distance, threat.distance(x, result.adversarial))
    assert (result.distance <= EPS[norm] * (1 + 1e-6) + 1e-7).all()
    assert torch.equal(result.success, digits.model(result.adversarial).logits.argmax(1) != y)
    assert result.success.any()
    assert (result.queries >= 1).all()
    assert not result.adversarial.requires_grad
    assert not result.value.requires_grad


@every_attack_and_norm
def test_eps_0_is_the_identity(name, norm, digits):
    result = run(name, norm, digits, eps=0.0)
    assert torch.equal(result.adversarial, digits.x[:6])
    mixed = run(name, norm, digits, eps=torch.tensor([0.0, EPS[norm]] * 3))
    assert torch.equal(mixed.adversarial[::2], digits.x[:6:2])
    assert (mixed.distance[1::2] > 0).any()


@every_attack
def test_nothing_else_changes(name, norm, digits):
    model, x, y = digits.model, digits.x[:6].clone(), digits.y[:6]
    before = x.clone()
    for number, weight in enumerate(model.parameters()):
        weight.grad = torch.full_like(weight, float(number))
    model.train()
    model.head.eval()
    flags = [module.training for module in model.modules()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    states, trace, visdom = rng_states(), sys.gettrace(), "visdom" in sys.modules
    try:
        quick(name)(model, x, Untargeted(y), Threat(norm, EPS[norm]), generator=generator(0, "contract"))
        assert [module.training for module in model.modules()] == flags
        assert [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()] == hooks
        for number, weight in enumerate(model.parameters()):
            assert weight.requires_grad
            assert torch.equal(weight.grad, torch.full_like(weight, float(number)))
    finally:
        model.eval()
        for weight in model.parameters():
            weight.grad = None
    assert torch.equal(x, before)
    assert rng_states() == states
    assert sys.gettrace() is trace
    assert ("visdom" in sys.modules) == visdom


@every_attack
def test_same_seed_same_bytes(name, norm, digits):
    first = run(name, norm, digits, seed=3)
    torch.rand(7)
    second = run(name, norm, digits, seed=3)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


@every_attack_and_norm
@pytest.mark.parametrize("batch", [1, 3])
def test_images_of_any_shape(name, norm, batch):
    for shape in SHAPES.values():
        model, x, y, distance = linear_problem(batch, shape, norm)
        result = quick(name)(model, x, Untargeted(y), Threat(norm, 4 * distance), generator=generator(0, "shapes"))
        assert result.adversarial.shape == x.shape
        assert result.success.all()


@every_attack
def test_another_box(name, norm):
    model, x, y, distance = linear_problem(3, (3, 5, 5), norm)

    class Moved(nn.Module):
        def forward(self, moved: torch.Tensor) -> Outputs:
            return model((moved + 1) / 2)

    threat = Threat(norm, 8 * distance, low=-1.0, high=1.0)
    result = quick(name)(Moved(), 2 * x - 1, Untargeted(y), threat, generator=generator(0, "box"))
    # A decision-based search begins at random images until one is misclassified; for a few images none may be.
    assert result.success.float().mean() >= (0.6 if name == "hopskipjump" else 1)
    assert (result.distance <= 8 * distance + 1e-6).all()
    assert result.adversarial.min() >= -1


@every_attack
def test_parameters_are_plain_values(name, norm):
    attack = quick(name)
    assert from_dict(type(attack), {key: value for key, value in to_dict(attack).items() if key != "name"}) == attack


@every_attack
def test_bad_input_is_named(name, norm, digits):
    attack, y = quick(name), digits.y[:4]

    def call(x=digits.x[:4], goal=None, threat=None, model=digits.model):
        attack(model, x, goal or Untargeted(y), threat or Threat(norm, 0.1), generator=generator(0, "bad"))

    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\], got \[0, 2\]"):
        call(x=digits.x[:4] * 2)
    with pytest.raises(ValueError, match=r"x must be a batch of at least one image, got shape \(0, 1, 8, 8\)"):
        call(x=digits.x[:0], goal=Untargeted(y[:0]))
    with pytest.raises(ValueError, match="the goal is for 4 examples, x has 3"):
        call(x=digits.x[:3])
    with pytest.raises(ValueError, match=r"eps has 2 entries"):
        call(threat=Threat(norm, torch.tensor([0.1, 0.2])))
    with pytest.raises(ValueError, match=r"y must lie in 0..9 \(the model has 10 classes\), got 10..10"):
        call(goal=Untargeted(y * 0 + 10))
    with pytest.raises(ValueError, match=r"model must return tla\.types\.Outputs"):
        call(model=nn.Flatten())
    if isinstance(attack, ExternalAttack):
        with pytest.raises(ValueError, match=rf"{name} wants the goal Untargeted.*, got LeaveEmbedding"):
            call(goal=LeaveEmbedding(torch.zeros(4, 32)))


@settings(max_examples=8, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", [name for name in ALL if not issubclass(ATTACKS.get(name), ExternalAttack)])
def test_ball_and_box_hold_on_random_networks(name, data):
    norm = data.draw(st.sampled_from(NORMS))
    seed = data.draw(st.integers(0, 2**20))
    n, size = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 9))
    source = generator(seed, "random network")
    first, second = torch.randn(size, 7, generator=source), torch.randn(7, 4, generator=source)

    class Random(nn.Module):
        def forward(self, x: torch.Tensor) -> Outputs:
            hidden = (5 * (x @ first)).relu()
            return Outputs(hidden @ second, hidden)

    x = torch.rand(n, size, generator=source).round(decimals=data.draw(st.integers(0, 3)))
    eps = torch.rand(n, generator=source) * data.draw(st.sampled_from([0.01, 0.5, 5.0]))
    classes = torch.randint(4, (n,), generator=source)
    goal = data.draw(st.sampled_from([Untargeted, Targeted]))(classes)
    attack = quick(name) if name != "apgd" else ATTACKS.build(name, steps=10)
    result = attack(Random(), x, goal, Threat(norm, eps), generator=source)
    assert ((result.adversarial >= 0) & (result.adversarial <= 1)).all()
    assert (result.distance <= eps * (1 + 1e-6) + 1e-7).all()
    assert torch.equal(result.success, goal.reached(Random()(result.adversarial)))
