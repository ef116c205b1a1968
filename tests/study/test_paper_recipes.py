"""The `-paper` recipes have the paper's constants and architectures."""

import pytest

from tla.study import recipes, study_from

STEP = 2 / 255
TABLE = {
    "mnist-paper": {
        "model": {"name": "mnist_cnn"}, "optimizer": "adam", "learning_rate": 1e-4, "schedule": "constant",
        "lambda": 0.5, "alpha": 0.05, "rho": 1e-4, "triplets": 1, "second_alpha": None, "pull": 0.0,
        "pool": 50, "batch": 50, "eps": 0.3, "steps": 40, "step_size": 0.01, "pad": 0, "flip": False,
    },
    "cifar10-paper": {
        "model": {"name": "wrn-32-10"}, "optimizer": "sgd", "learning_rate": 0.1, "schedule": "step",
        "lambda": 2.0, "alpha": 0.03, "rho": 1e-3, "triplets": 2, "second_alpha": None, "pull": 0.0,
        "pool": 500, "batch": 50, "eps": 8 / 255, "steps": 7, "step_size": STEP, "pad": 2, "flip": True,
    },
    "tiny-imagenet-paper": {
        "model": {"name": "resnet50", "blocks": [2, 3, 5, 2]}, "optimizer": "sgd", "learning_rate": 0.1,
        "schedule": "step", "lambda": 0.5, "alpha": 0.02, "rho": 1e-3, "triplets": 2, "second_alpha": 0.60, "pull": 0.5,
        "pool": 20, "batch": 20, "eps": 8 / 255, "steps": 7, "step_size": STEP, "pad": 4, "flip": True,
    },
}  # fmt: skip


def close(value):
    return pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", TABLE)
def test_training_matches_the_paper(name):
    study, row = study_from(recipes.read(name)).resolved(), TABLE[name]
    train = study.train
    assert set(study.methods) == {"natural", "at", "alp", "tla", "tla-rn", "tla-sa"}
    assert (train.optimizer, train.schedule, train.batch) == (row["optimizer"], row["schedule"], row["batch"])
    assert (train.learning_rate, train.weight_decay) == (row["learning_rate"], 2e-4)
    assert (train.warmup, train.eps_warmup, train.momentum) == (0.0, 0.0, 0.9)
    assert (train.pad, train.flip) == (row["pad"], row["flip"])
    assert train.eps == study.attack.eps == close(row["eps"])
    assert train.attack.steps == row["steps"]
    assert train.attack.step_size == close(row["step_size"])
    assert train.attack.random_start
    assert train.attack.loss is None  # cross-entropy, as the untargeted goal has it
    assert train.label_smoothing == train.ema == 0.0


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("method", ["tla", "tla-rn", "tla-sa"])
def test_triplets_match_the_paper(name, method):
    found, row = study_from(recipes.read(name)).build_method(method), TABLE[name]
    assert (found.lambda_triplet, found.alpha, found.rho) == (row["lambda"], row["alpha"], row["rho"])
    assert (found.triplets, found.second_alpha, found.pull) == (row["triplets"], row["second_alpha"], row["pull"])
    assert (found.mining, found.pool, found.distance) == ("fresh", row["pool"], "abs_cosine")
    assert found.norm == "mean_square"
    assert found.noise == close(8 / 255)


@pytest.mark.parametrize("name", TABLE)
def test_networks_match_the_paper(name):
    from tla.config import to_dict

    known = to_dict(study_from(recipes.read(name)).model)
    assert {key: known[key] for key in TABLE[name]["model"]} == TABLE[name]["model"]


@pytest.mark.parametrize("name", TABLE)
def test_alp_has_the_published_weight(name):
    assert study_from(recipes.read(name)).build_method("alp").weight == 0.5


@pytest.mark.parametrize("name", ["digits-confounded", "mnist-confounded"])
def test_confounded_recipes_say_so(name):
    study = study_from(recipes.read(name))
    assert "UNFAIR" in study.caption
    assert len(study.unfair()) >= 3
    assert {"at", "tla"} <= set(study.methods)  # the fair pair is there too
    assert not study.build_train("at@train.select=false").select
