"""The configuration: round trip, documentation, errors; the schedule against closed forms."""

import dataclasses
import math

import pytest

from tla.attacks.pgd import PGD
from tla.config import from_dict, to_dict
from tla.training import METHODS, TrainConfig
from tla.training.schedule import learning_rate, radius


def test_round_trip():
    config = TrainConfig(epochs=3, attack=PGD(steps=5, step_size=0.1), schedule="cosine", norm="l2")
    assert from_dict(TrainConfig, to_dict(config)) == config
    assert from_dict(TrainConfig, {"attack": {"name": "pgd", "steps": 3}}).attack == PGD(steps=3)


def test_every_setting_is_documented():
    for field in dataclasses.fields(TrainConfig):
        assert f"        {field.name}: " in TrainConfig.__doc__


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"epochs": 0}, "epochs must be >= 1, got 0"),
        ({"batch": 0}, "batch must be >= 1, got 0"),
        ({"holdout": -1}, "holdout must be >= 0, got -1"),
        ({"weight_decay": -1.0}, "weight_decay must be >= 0"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
        ({"ema": 1.5}, r"ema must be in \[0, 1\), got 1.5"),
        ({"label_smoothing": -0.1}, r"label_smoothing must be in \[0, 1\)"),
        ({"learning_rate": 0.0}, "learning_rate must be > 0, got 0.0"),
        ({"learning_rate": math.nan}, "TrainConfig.learning_rate: must be finite, got nan"),
        ({"eps": 0.0}, "eps must be > 0, got 0.0; to train without an attack use the method natural"),
        ({"eps": math.inf}, "TrainConfig.eps: must be finite, got inf"),
        ({"holdout": 0}, "select needs held-out images"),
        ({"optimizer": "sgdd"}, "TrainConfig.optimizer: .*'adam', 'sgd'"),
        ({"leanring_rate": 0.1}, "TrainConfig.leanring_rate: unknown key.*did you mean 'learning_rate'"),
        ({"attack": {"name": "pgd", "stpes": 7}}, "stpes.*did you mean 'steps'"),
        ({"attack": {"name": "pdg"}}, "did you mean 'pgd'"),
    ],
)
def test_bad_values_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        from_dict(TrainConfig, settings)


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("tal", {}, "unknown method 'tal'; did you mean 'tla'"),
        ("tla", {"lamda_triplet": 1.0}, "did you mean 'lambda_triplet'"),
        ("tla", {"lambda_triplet": -1.0}, "lambda_triplet must be >= 0, got -1.0"),
        ("tla", {"alpha": -0.5}, "alpha must be >= 0, got -0.5"),
        ("tla", {"pool": 0}, "pool must be >= 1, got 0"),
        ("tla", {"triplets": 3}, "must be one of 1, 2, got 3"),
        ("tla", {"pull": 0.5, "keys": 8}, "pull needs every clean image of the batch"),
        ("trades", {"beta": -6.0}, "beta must be >= 0, got -6.0"),
        ("alp", {"weight": -1.0}, "weight must be >= 0"),
        ("at-awp", {"gamma": -1.0}, "gamma must be >= 0"),
        ("fast", {"stride": 0.0}, "stride must be > 0, got 0.0"),
        ("composed", {"loss": "tripelt"}, "unknown loss 'tripelt'; did you mean 'triplet'"),
        ("composed", {"settings": {"aplha": 0.1}}, "loss 'triplet'.aplha: unknown key.*did you mean 'alpha'"),
        ("composed", {"loss": "alp", "settings": {"of": "pixels"}}, "loss 'alp'.of: must be one of 'logits', 'featu"),
        ("composed", {"weight": -1.0}, "weight must be >= 0, got -1.0"),
        ("composed", {"cross_entropy": "natural"}, "must be one of 'clean', 'adversarial', 'both', 'none'"),
    ],
)
def test_bad_methods_are_named(name, settings, text):
    with pytest.raises(ValueError, match=text):
        METHODS.build(name, **settings)


def test_schedules_are_their_closed_forms():
    def rate(schedule, step, **settings):
        return learning_rate(TrainConfig(schedule=schedule, learning_rate=0.1, **settings), step, 1000)

    assert rate("constant", 999, warmup=0.0) == 0.1
    assert rate("onecycle", 99, warmup=0.2) == pytest.approx(0.1 * 99.5 / 200)
    assert rate("onecycle", 599, warmup=0.2) == pytest.approx(0.1 * (1 - 0.5995) / 0.8)
    assert rate("cosine", 249, warmup=0.0) == pytest.approx(0.05 * (1 + math.cos(math.pi * 0.2495)))
    assert rate("cosine", 999, warmup=0.0) < 1e-6
    assert [rate("step", s, warmup=0.0) for s in (499, 500, 750)] == pytest.approx([0.1, 0.01, 0.001])


def test_the_radius_rises_and_stays():
    config = TrainConfig(eps=0.3, eps_warmup=0.5)
    assert radius(config, 0, 100) == pytest.approx(0.3 * 0.005 / 0.5)
    assert radius(config, 25, 100) == pytest.approx(0.3 * 0.255 / 0.5)
    assert radius(config, 60, 100) == 0.3
    assert radius(TrainConfig(eps=0.3), 0, 100) == 0.3
