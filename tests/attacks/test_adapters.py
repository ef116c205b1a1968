"""Attacks of other libraries, behind our call."""

import importlib.util
import sys

import pytest
import torch
from attack_cases import SHAPES, linear_problem, quick

import tla
from tla.attacks import ATTACKS, Targeted, Untargeted
from tla.attacks.external.advlib import adv_lib
from tla.seeding import generator
from tla.threat import Threat
from tla.types import Outputs

PACKAGES = ("pyautoattack", "adv_lib", "foolbox")
MISSING = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
pytestmark = [pytest.mark.peers, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

MINIMUM = [
    ("ddn", "l2", {"steps": 100, "init_norm": 0.1}),
    ("fmn", "linf", {"steps": 200}),
    ("fmn", "l2", {"steps": 200}),
    ("fmn", "l1", {"steps": 1000}),
    ("cw_l2", "l2", {"steps": 150, "searches": 5, "learning_rate": 0.01, "first_weight": 1.0}),
    ("deepfool", "linf", {}),
    ("deepfool", "l2", {}),
]


@pytest.mark.parametrize(("name", "norm", "parameters"), MINIMUM)
@pytest.mark.parametrize(("batch", "dims"), [(1, 1), pytest.param(8, 3, marks=pytest.mark.more)])
def test_minimum_norm_is_near_the_least(name, norm, parameters, batch, dims):
    attack = ATTACKS.build(name, **parameters)
    model, x, y, distance = linear_problem(batch, SHAPES[dims], norm, seed=dims)
    goals = [Untargeted(y)] if name == "deepfool" else [Untargeted(y), Targeted(1 - y)]
    for goal in goals:
        wide = attack(model, x, goal, Threat(norm, 5.0), generator=generator(0, "minimum"))
        assert wide.success.all()
        assert (wide.distance <= 1.25 * distance).all()
        assert (wide.distance >= distance * (1 - 1e-4)).all()
    narrow = attack(model, x, Untargeted(y), Threat(norm, 0.98 * distance), generator=generator(0, "minimum"))
    assert not narrow.success.any()
    assert (narrow.distance <= 0.98 * distance + 2e-7).all()


@pytest.mark.slow
@pytest.mark.more
def test_autoattack_is_that_of_the_library(digits):
    import pyautoattack

    n, attack = 16, ATTACKS.build("autoattack")
    x, y, threat = digits.x[:n], digits.y[:n], Threat("linf", 0.1)
    ours = attack(digits.model, x, Untargeted(y), threat, generator=generator(0, "aa"))
    seed = int(torch.randint(2**31, (), generator=generator(0, "aa")))
    theirs = pyautoattack.AutoAttack(lambda z: digits.model(z).logits, norm="Linf", eps=0.1, seed=seed)
    with torch.random.fork_rng():
        made, _ = theirs.run_standard_evaluation(x, y, batch_size=250)
    fooled = digits.model(made).logits.argmax(1) != y
    assert torch.equal(ours.success, fooled)
    assert torch.allclose(ours.adversarial, made, atol=1e-6)


@pytest.mark.slow
@pytest.mark.more
def test_autoattack_in_bf16_is_as_strong(digits):
    n, threat = 16, Threat("linf", 0.1)
    x, y = digits.x[:n], digits.y[:n]
    results = [
        ATTACKS.build("autoattack", precision=precision)(
            digits.model, x, Untargeted(y), threat, generator=generator(0, "a")
        )
        for precision in ("fp32", "bf16")
    ]
    full, half = (result.success for result in results)
    assert (full != half).sum() <= 1
    assert torch.equal(half, digits.model(results[1].adversarial).logits.argmax(1) != y), "checked in float32"


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_decisions_alone_find_planes_that_are_near(norm):
    """A decision-based search begins at random images until one is misclassified: with few images, none may be."""
    for dims, batch in ((1, 1), (2, 3), (3, 3)):
        model, x, y, distance = linear_problem(batch, SHAPES[dims], norm)
        result = quick("hopskipjump")(
            model, x, Untargeted(y), Threat(norm, 4 * distance), generator=generator(0, "shapes")
        )
        assert result.success.all()


def test_autoattack_retries_images_that_only_bf16_misclassifies():
    class Coarse(torch.nn.Module):
        """Wrong about every image under autocast, and easy to fool without."""

        def forward(self, x):
            logits = torch.stack(
                [x.flatten(1).sum(1) - 1.9, torch.zeros(len(x)), *[torch.full((len(x),), -9.0)] * 2], 1
            )
            if torch.is_autocast_enabled("cpu"):
                logits = logits[:, [1, 0, 2, 3]] + torch.tensor([-99.0, 99.0, 0.0, 0.0])
            return Outputs(logits, logits)

    x, y = torch.full((3, 1, 2, 2), 0.5), torch.zeros(3, dtype=torch.int64)
    attack = ATTACKS.build("autoattack", precision="bf16")
    result = attack(Coarse(), x, Untargeted(y), Threat("linf", 0.1), generator=generator(0, "coarse"))
    assert result.success.all()


def test_autoattack_takes_few_classes():
    model, x, y, distance = linear_problem(4, (1, 6, 6), "linf")
    for classes in (2, 3):
        model.weight.data, model.bias.data = model.weight.data[:classes], model.bias.data[:classes]
        threat = Threat("linf", 1.1 * distance.max().item())
        result = ATTACKS.build("autoattack")(model, x, Untargeted(y), threat, generator=generator(0, "few"))
        assert result.success.all()


def test_queries_are_those_of_each_image(digits):
    seen = []

    class Watched(torch.nn.Module):
        def __deepcopy__(self, memo):
            return self

        def forward(self, x):
            seen.append(len(x))
            return digits.model(x)

    x, y = digits.x[:20], digits.y[:20]
    for name, parameters in (("square", {"queries": 40}), ("ddn", {"steps": 10})):
        seen.clear()
        attack = ATTACKS.build(name, **parameters)
        norm = attack.norms[0]
        result = attack(Watched(), x, Untargeted(y), Threat(norm, 0.1), generator=generator(0, "q"))
        assert int(result.queries.sum()) == sum(seen)
        if name == "square":
            assert result.queries.max() <= 40 + 6
            lucky = result.success & (result.queries < result.queries.max())
            assert lucky.any()


def test_norms_and_goals_that_do_not_fit_are_named(digits):
    x, y = digits.x[:4], digits.y[:4]
    with pytest.raises(ValueError, match="DDN supports l2, got a threat in linf"):
        ATTACKS.build("ddn")(digits.model, x, Untargeted(y), Threat("linf", 0.1))
    with pytest.raises(ValueError, match="DeepFool supports the goal Untargeted, got Targeted"):
        ATTACKS.build("deepfool")(digits.model, x, Targeted(y), Threat("l2", 0.1))
    model, small, labels, _ = linear_problem(2, (1, 4, 4), "l2")
    with pytest.raises(ValueError, match=r"square needs pictures of at least 5 x 5 pixels in l2, got 4 x 4"):
        ATTACKS.build("square")(model, small, Untargeted(labels), Threat("l2", 0.1))


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("square", {"queries": 0}, "queries must be >= 1, got 0"),
        ("ddn", {"steps": 0}, "steps must be >= 1, got 0"),
        ("autoattack", {"batch": 0}, "batch must be >= 1, got 0"),
        ("autoattack", {"precision": "fp16"}, "precision: must be one of 'auto', 'fp32', 'bf16', got 'fp16'"),
        ("hopskipjump", {"first_samples": 50, "most_samples": 10}, "most_samples must be >= 50, got 10"),
        ("cw_l2", {"searches": 0}, "searches must be >= 1, got 0"),
    ],
)
def test_bad_parameters_are_named(name, parameters, text):
    with pytest.raises(ValueError, match=text):
        ATTACKS.build(name, **parameters)


def test_visdom_is_replaced_only_while_adv_lib_is_imported(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "adv_lib"]:
        monkeypatch.delitem(sys.modules, name)
    there = importlib.util.find_spec("visdom") is not None
    assert hasattr(adv_lib("a test"), "ddn")
    assert there or "visdom" not in sys.modules


def test_a_missing_library_says_how_to_install_it(monkeypatch, digits):
    monkeypatch.setitem(sys.modules, "pyautoattack", None)
    with pytest.raises(ModuleNotFoundError, match=r"AutoAttack needs the package 'pyautoattack': pip install"):
        ATTACKS.build("autoattack")(digits.model, digits.x[:2], Untargeted(digits.y[:2]), Threat("linf", 0.1))


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.more
def test_colour_images_in_any_layout_reach_the_library_in_rows(norm):
    pytest.importorskip("pyautoattack", reason="the extra 'adapters' is not installed")
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(32, 5),
    )  # fmt: skip
    model = tla.as_classifier(network.eval()).to(memory_format=torch.channels_last)
    x = torch.rand(6, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    y = model(x).logits.argmax(1)
    attack = ATTACKS.build("autoattack")
    result = attack(model, x, Untargeted(y), Threat(norm, 0.2), generator=generator(0, "layout"))
    assert float(result.distance.max()) <= 0.2 + 1e-6
    assert bool((model(result.adversarial).logits.argmax(1) != y).equal(result.success))
