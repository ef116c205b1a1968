"""What every registered attack must keep, as functions of its name; `check_attack` runs all of them.

How far an attack gets, in which norms and for which goals, it says itself (`tla.attacks.base.Attack`).
"""

import sys
from typing import get_args

import pytest
import torch
from attack_cases import SHAPES, linear_problem, quick, rng_states, trained_on_digits
from torch import nn

from tla.attacks import ATTACKS, LeaveEmbedding, Targeted, Untargeted
from tla.attacks.base import Reach
from tla.attacks.external.adapter import ExternalAttack
from tla.config import from_dict, to_dict
from tla.seeding import generator
from tla.threat import NORMS, Threat
from tla.types import Outputs

EPS = {"linf": 0.25, "l2": 1.5, "l1": 8.0}
SURE = {"boundary": 1.02, "inside": 4.0}
"""From which radius on, in distances to the boundary, every image of a linear network must be fooled."""


def check_attack(name):
    """Everything that holds for any attack, on small data.

    Args:
        name: Of a registered attack.
    """
    norms = ATTACKS.get(name).norms
    check_claims(name)
    check_settings(name)
    check_bad_input(name)
    check_side_effects(name)
    check_seed(name)
    check_box(name)
    for norm in norms:
        check_result(name, norm)
        check_eps_0(name, norm)
        check_plane(name, norm, 3, 2)
        for batch in (1, 3):
            check_shapes(name, norm, batch)
    if not issubclass(ATTACKS.get(name), ExternalAttack):
        for seed in range(4):
            check_random_network(name, norms[seed % len(norms)], seed)


def run(name, norm, eps=None, seed=0):
    """The attack on six digits."""
    model, x, y = trained_on_digits()
    threat = Threat(norm, EPS[norm] if eps is None else eps)
    return quick(name)(model, x[:6], Untargeted(y[:6]), threat, generator=generator(seed, "contract"))


def check_claims(name):
    """What it states is well-formed."""
    attack = ATTACKS.get(name)
    assert attack.reach in get_args(Reach), f"{name}: reach must be one of {get_args(Reach)}, got {attack.reach!r}"
    assert attack.norms, f"{name} supports no norm"
    assert set(attack.norms) <= set(NORMS), f"{name}: norms must be of {NORMS}, got {attack.norms}"
    assert any(issubclass(Untargeted, kind) for kind in attack.goals), f"{name} must support Untargeted"


def check_settings(name):
    """Its settings are plain values."""
    attack = quick(name)
    assert from_dict(type(attack), {key: value for key, value in to_dict(attack).items() if key != "name"}) == attack


def check_result(name, norm):
    """The result is inside ball and box, and is what it says."""
    model, x, y = trained_on_digits()
    x, y, result = x[:6], y[:6], run(name, norm)
    assert result.adversarial.shape == x.shape
    assert result.adversarial.dtype == x.dtype
    assert ((result.adversarial >= 0) & (result.adversarial <= 1)).all(), f"{name} leaves the box"
    assert torch.allclose(result.distance, Threat(norm, EPS[norm]).distance(x, result.adversarial))
    assert (result.distance <= EPS[norm] * (1 + 1e-6) + 1e-7).all(), f"{name} leaves the ball"
    assert torch.equal(result.success, model(result.adversarial).logits.argmax(1) != y)
    assert (result.queries >= 1).all()
    assert not result.adversarial.requires_grad
    assert not result.value.requires_grad
    if ATTACKS.get(name).reach != "chance":
        assert result.success.any(), f"{name} fools none of six digits at eps {EPS[norm]} in {norm}"


def check_eps_0(name, norm):
    """Eps 0 is the identity, also for some images of a batch."""
    x = trained_on_digits().x[:6]
    assert torch.equal(run(name, norm, eps=0.0).adversarial, x)
    mixed = run(name, norm, eps=torch.tensor([0.0, EPS[norm]] * 3))
    assert torch.equal(mixed.adversarial[::2], x[::2])
    assert (mixed.distance[1::2] > 0).any()


def check_side_effects(name):
    """Model, images, gradients, global random state, tracing and imports stay as they were."""
    model, x, y = trained_on_digits()
    x, y, norm = x[:6].clone(), y[:6], ATTACKS.get(name).norms[0]
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
    assert rng_states() == states, f"{name} draws from the global random state"
    assert sys.gettrace() is trace
    assert ("visdom" in sys.modules) == visdom


def check_seed(name):
    """The same seed gives the same bytes, whatever the global random state."""
    norm = ATTACKS.get(name).norms[0]
    first = run(name, norm, seed=3)
    torch.rand(7)
    second = run(name, norm, seed=3)
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True)), f"{name} is not deterministic"


def check_plane(name, norm, batch, dims, reach=None, **settings):
    """On a linear model every image is fooled from where `reach` says on, and none before its boundary.

    Args:
        name: Of a registered attack.
        norm: Of the threat.
        batch: Number of images.
        dims: Number of their dimensions.
        reach: Of the attack with these settings; by default its own.
        **settings: Instead of the attack's.
    """
    model, x, y, distance = linear_problem(batch, SHAPES[dims], norm)
    attack = quick(name, **settings)
    reach = reach or attack.reach
    for goal in (Untargeted(y), Targeted(1 - y)):
        if not isinstance(goal, attack.goals):
            continue
        for factor, fooled in ((SURE.get(reach), True), (0.98, False)):
            if factor is None:
                continue
            result = attack(model, x, goal, Threat(norm, distance * factor), generator=generator(1, "attack"))
            assert result.success.tolist() == [fooled] * batch, (
                f"{name} has the reach {reach!r}; at {factor} times the distance to the boundary in {norm} it fools "
                f"{int(result.success.sum())} of {batch} images of a linear network"
            )
            assert (result.distance <= distance * factor + 2e-7).all()


def check_shapes(name, norm, batch):
    """Images may have one, two or three dimensions."""
    for shape in SHAPES.values():
        model, x, y, distance = linear_problem(batch, shape, norm)
        attack = quick(name)
        result = attack(model, x, Untargeted(y), Threat(norm, 4 * distance), generator=generator(0, "shapes"))
        assert result.adversarial.shape == x.shape
        assert result.success.all() or attack.reach == "chance"


def check_box(name):
    """The box need not be [0, 1]."""
    norm = ATTACKS.get(name).norms[0]
    model, x, y, distance = linear_problem(3, (3, 5, 5), norm)

    class Moved(nn.Module):
        def forward(self, moved: torch.Tensor) -> Outputs:
            return model((moved + 1) / 2)

    threat = Threat(norm, 8 * distance, low=-1.0, high=1.0)
    attack = quick(name)
    result = attack(Moved(), 2 * x - 1, Untargeted(y), threat, generator=generator(0, "box"))
    assert result.success.all() or attack.reach == "chance"
    assert (result.distance <= 8 * distance + 1e-6).all()
    assert result.adversarial.min() >= -1


def check_bad_input(name):
    """What does not fit is refused with a message that names it."""
    attack, (model, images, labels) = quick(name), trained_on_digits()
    x, y, norm = images[:4], labels[:4], attack.norms[0]

    def refused(text, x=x, goal=None, threat=None, model=model):
        with pytest.raises(ValueError, match=text):
            attack(model, x, goal or Untargeted(y), threat or Threat(norm, 0.1), generator=generator(0, "bad"))

    refused(r"x must lie in \[0, 1\], got \[0, 2\]", x=x * 2)
    refused(r"x must be a batch of at least one image, got shape \(0, 1, 8, 8\)", x=x[:0], goal=Untargeted(y[:0]))
    refused("the goal is for 4 examples, x has 3", x=x[:3])
    refused("eps must be one number or one per example, got 2", threat=Threat(norm, torch.tensor([0.1, 0.2])))
    refused(r"y must lie in 0..9 \(the model has 10 classes\), got 10..10", goal=Untargeted(y * 0 + 10))
    refused(r"model must return tla\.types\.Outputs", model=nn.Flatten())
    for other in set(NORMS) - set(attack.norms):
        refused(f"supports .*, got a threat in {other}", threat=Threat(other, 0.1))
    for goal in (Targeted(y), LeaveEmbedding(torch.zeros(4, 32))):
        if not isinstance(goal, attack.goals):
            refused(f"supports the goal .*, got {type(goal).__name__}", goal=goal)


def check_random_network(name, norm, seed, n=3, size=5, decimals=1, scale=0.5, targeted=False):
    """Ball, box and success hold on a random network, for images with an eps each.

    Args:
        name: Of a registered attack.
        norm: Of the threat.
        seed: Of weights, images and radii.
        n: Number of images.
        size: Values per image.
        decimals: To which images are rounded: pixels at the edges of the box.
        scale: Largest eps.
        targeted: Whether to aim at a class, if the attack can.
    """
    source, attack = generator(seed, "random network"), quick(name)
    first, second = torch.randn(size, 7, generator=source), torch.randn(7, 4, generator=source)

    class Random(nn.Module):
        def forward(self, x: torch.Tensor) -> Outputs:
            hidden = (5 * (x @ first)).relu()
            return Outputs(hidden @ second, hidden)

    x = torch.rand(n, size, generator=source).round(decimals=decimals)
    eps = torch.rand(n, generator=source) * scale
    classes = torch.randint(4, (n,), generator=source)
    goal = Targeted(classes) if targeted and issubclass(Targeted, attack.goals) else Untargeted(classes)
    result = attack(Random(), x, goal, Threat(norm, eps), generator=source)
    assert ((result.adversarial >= 0) & (result.adversarial <= 1)).all()
    assert (result.distance <= eps * (1 + 1e-6) + 1e-7).all()
    assert torch.equal(result.success, goal.reached(Random()(result.adversarial)))
