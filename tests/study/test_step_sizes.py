"""A radius that is changed carries its steps with it; where it is not, every recipe has the steps that it had."""

import warnings

import pytest
import torch
from training_small import few_digits

from tla.attacks import BIM, PGD, Untargeted, evaluate
from tla.attacks.search.step_size import ShortAttackWarning, at_radius, length_at, share_of, too_short
from tla.config import from_dict, to_dict
from tla.seeding import generator
from tla.study import recipes, study_from, study_values
from tla.threat import Threat

STEP, EPS = 0.00784313725490196, 0.03137254901960784
MNIST = {"bim": 0.01, "cw": 0.01, "pgd": 0.01, "20xpgd": 0.01, "mim": 0.01}
COARSE = {"bim": STEP, "cw": STEP, "pgd": STEP, "20xpgd": STEP, "mim": STEP}
DIGITS = {"bim": 0.015, "cw": 0.015, "pgd": 0.015, "20xpgd": 0.015, "mim": 0.015}
WIDE = (EPS, 0.0392156862745098, 0.047058823529411764, 0.06274509803921569)
BEFORE = {
    "digits": (0.15, 0.15, 0.05, DIGITS, (0.15, 0.175, 0.2)),
    "digits-confounded": (0.15, 0.15, 0.05, {"pgd": 0.015, "cw": 0.015}, ()),
    "mnist": (0.3, 0.3, 0.1, MNIST, (0.3, 0.35, 0.4)),
    "mnist-confounded": (0.3, 0.3, 0.1, MNIST, (0.3, 0.35, 0.4)),
    "mnist-robust": (0.3, 0.34, 0.1, MNIST, (0.3, 0.35, 0.4)),
    "mnist-seeds": (0.3, 0.34, 0.1, {"pgd": 0.01}, (0.3, 0.35, 0.4)),
    "mnist-paper": (0.3, 0.3, 0.01, MNIST, (0.3, 0.35, 0.4)),
    "cifar10": (EPS, EPS, None, COARSE, WIDE),
    "cifar10-seeds": (EPS, EPS, None, {"pgd": STEP}, WIDE),
    "cifar10-small": (EPS, EPS, STEP, COARSE, WIDE),
    "cifar10-paper": (EPS, EPS, STEP, COARSE, WIDE),
    "tiny-imagenet": (EPS, EPS, STEP, COARSE, WIDE),
    "tiny-imagenet-paper": (EPS, EPS, STEP, COARSE, WIDE),
    "folder": (EPS, EPS, STEP, COARSE, (EPS, 0.06274509803921569)),
}
"""eps of evaluation and training, the step of training, those of the suite, and the radii of detection, as they were
written before steps were shares."""


@pytest.mark.parametrize("name", recipes.shipped())
def test_every_recipe_has_the_floats_that_it_had(name):
    asked = study_from(recipes.read(name))
    study, (eps, train_eps, step, suite, detection) = asked.resolved(), BEFORE[name]
    assert (study.attack.eps, study.train.eps, study.attack.detection_eps) == (eps, train_eps, detection)
    assert getattr(study.train.attack, "step_size", None) == step
    sizes = {label: getattr(attack, "step_size", None) for label, attack in study.attack.suite.items()}
    assert {label: size for label, size in sizes.items() if size is not None} == suite
    assert isinstance(getattr(asked.train.attack, "step_size", "a share by definition"), str)
    assert study_from(study_values(asked)) == asked  # what study.toml keeps is the share


@pytest.mark.parametrize("name", recipes.shipped())
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_changed_radius_carries_its_steps_with_it(name, factor):
    values = recipes.read(name)
    eps = BEFORE[name][0]
    values["attack"] = values["attack"] | {"eps": factor * eps}
    values["attack"].pop("train_eps", None)
    study = study_from(values).resolved()
    assert not study.short()
    assert too_short(study.train.attack, study.train.eps) is None
    ratio = study.attack.suite["pgd"].step_size / study.attack.eps
    assert ratio == pytest.approx(BEFORE[name][3]["pgd"] / eps)


@pytest.mark.parametrize(
    ("text", "eps", "size"),
    [
        ("eps/4", 8 / 255, 2 / 255), ("eps / 3", 0.15, 0.05), ("eps", 0.3, 0.3), ("2.5 eps/40", 0.3, 0.01875),
        ("0.25 eps", 0.1, 0.025), ("0.25*eps", 0.1, 0.025), ("eps * 2 / 4", 0.1, 0.05), (".5eps", 1.0, 0.5),
        (0.01, 0.3, 0.01),
    ],
)  # fmt: skip
def test_texts_are_shares_and_numbers_are_not(text, eps, size):
    assert length_at(text, eps) == size


@pytest.mark.parametrize("text", ["eps-4", "4/eps", "eps/0", "0 eps", "", "eps/4/2", "a quarter", "-eps/4"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="step_size must be"):
        PGD(step_size=text)
    with pytest.raises(ValueError, match="step_size must be"):
        share_of(text)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_share_that_gives_the_same_float_gives_the_same_bits(norm, linear):
    model, x, y = linear
    threat = Threat(norm, 0.15)

    def run(size, threat):
        attack = PGD(steps=6, step_size=size, pursuit="all_steps")
        return attack(model, x, Untargeted(y), threat, generator=generator(0, "step")).adversarial

    assert torch.equal(run("eps/10", threat), run(0.015, threat))
    each = Threat(norm, torch.full((len(x),), 0.15))  # one radius per image
    torch.testing.assert_close(run("eps/10", each), run(0.015, threat))
    assert at_radius(PGD(step_size="eps/10"), 0.15) == PGD(step_size=0.015)
    assert at_radius(PGD(step_size="eps/10"), each.eps) == PGD(step_size="eps/10")


@pytest.fixture
def linear():
    from tla.types import Outputs

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(12, 3)
            with torch.no_grad():
                for p in self.parameters():
                    p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(0)))

        def forward(self, x):
            logits = self.layer(x.flatten(1))
            return Outputs(logits, logits)

    x = torch.rand(5, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    model = Linear()
    return model, x, model(x).logits.argmax(1)


def test_an_evaluation_warns_of_an_attack_that_cannot_reach_the_border(linear):
    model, x, y = linear
    with pytest.warns(ShortAttackWarning, match=r"short: bim: 4 steps of 0.01 cover 0.04 and cannot reach .* eps 0.1;"):
        evaluate(model, x, y, {"short": BIM(steps=4, step_size=0.01)}, Threat("linf", 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(model, x, y, {"long": BIM(steps=10, step_size=0.01)}, Threat("linf", 0.1))


def test_training_refuses_it(tmp_path):
    from tla.models import MODELS
    from tla.training import METHODS, TrainConfig, train

    config = TrainConfig(epochs=1, batch=16, holdout=10, eps=0.1, attack=PGD(steps=7, step_size=2 / 255))
    images = few_digits(60)
    with pytest.raises(ValueError, match=r"train.attack: pgd: 7 steps of 0.007843 cover 0.0549 and cannot reach"):
        train(
            MODELS.build("small_cnn", width=4, embedding=8),
            images,
            METHODS.build("at"),
            config,
            seed=0,
            folder=tmp_path,
        )


def test_quotients_are_read_wherever_a_number_is():
    attack = from_dict(PGD, {"step_size": "2/255"})
    assert attack.step_size == 2 / 255
    assert from_dict(PGD, {"step_size": "eps/4"}).step_size == "eps/4"
    assert to_dict(attack)["step_size"] == 2 / 255
    with pytest.raises(ValueError, match=r"attack.eps: must be a number, got '8/0'"):
        study_from(recipes.read("digits") | {"attack": {"eps": "8/0"}})
    assert study_from(recipes.read("digits") | {"attack": {"eps": "8/255"}}).train.eps == 8 / 255
