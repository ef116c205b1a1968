"""Variants of methods in a study: how they are written, what they change, what is rejected before training."""

import pytest

from tla.config import plain_value
from tla.study import recipes, study_from
from tla.study.variants import read_variant, sweep_targets, write_variant


def digits(**more):
    return study_from(recipes.read("digits") | more)


def test_a_variant_lists_its_changes():
    variant = read_variant("tla@pool=250,alpha=0.1,mining=fresh,train.attack.steps=9,model.width=8")
    assert variant.method == "tla"
    assert variant.settings == {"pool": 250, "alpha": 0.1, "mining": "fresh"}
    assert variant.train == {"attack": {"steps": 9}}
    assert variant.model == {"width": 8}
    assert read_variant("at") == ("at", {}, {}, {})


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("0.5", 0.5), ("1e-3", 1e-3), ("true", True), ("fresh", "fresh"), ("wrn-32-10",) * 2]
)
def test_words_are_parsed_like_toml(text, value):
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


def test_variants_can_be_written():
    assert write_variant("tla", "pool", "250") == "tla@pool=250"
    assert read_variant(write_variant("tla@mining=fresh", "pool", "9")).settings == {"mining": "fresh", "pool": 9}
    assert sweep_targets("method.tla.pool", ("at",)) == {"tla": "pool"}
    assert sweep_targets("train.epochs", ("at", "tla")) == {"at": "train.epochs", "tla": "train.epochs"}


def test_variants_change_only_what_they_say():
    study = digits(methods=["tla", "tla@alpha=0.1,train.attack.steps=9", "at@model.width=8"])
    plain, other = (study.build_method(name) for name in study.methods[:2])
    assert (other.alpha, other.lambda_triplet) == (0.1, plain.lambda_triplet)
    assert study.build_train("tla") == study.train
    assert study.build_train(study.methods[1]).attack.steps == 9
    assert study.build_train(study.methods[1]).epochs == study.train.epochs
    assert (study.build_model("at@model.width=8").width, study.model.width) == (8, 16)
    assert study.build_model("at@model.width=8").embedding == study.model.embedding


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tla@", r"'tla@' is not a method; write METHOD or METHOD@setting=value"),
        ("tla@pool", r"'pool' in 'tla@pool' is not a setting and its value"),
        ("tla@pool=1,pool=2", "pool is set twice"),
        ("tla@../x=1", "is not a setting and its value"),
        ("tla@alpha=../../x", "is not a setting and its value"),
        ("tal@alpha=1", r"unknown method 'tal'; did you mean 'tla'\?"),
        ("tla@alfa=1.0", r"alfa: unknown key .*did you mean 'alpha'"),
        ("tla@alpha=-1.0", "alpha must be >= 0, got -1.0"),
        ("tla@lambda_triplet=-1", "lambda_triplet must be >= 0, got -1"),
        ("tla@pool=10", 'pool changes nothing in .*: mining is "batch".*set mining to "fresh"'),
        ("tla@lambda_triplet=0,alpha=1.0", "alpha changes nothing in .*: lambda_triplet is 0"),
        ("tla@noise=0.1", "noise changes nothing in .*: there is one triplet"),
        ("at@train.epochs=0", "'at@train.epochs=0': train.*epochs must be >= 1, got 0"),
        ("at@train.epoch=3", r"epoch: unknown key .*did you mean 'epochs'"),
        ("at@train.eps=0.0", "eps must be > 0, got 0.0; to train without an attack use the method natural"),
        ("at@train.select=false,train.select_on=test", 'select_on is "test", but select is false'),
        ("at@model.wide=3", r"wide: unknown key .*did you mean 'width'"),
    ],
)
def test_bad_variants_are_rejected(name, text):
    with pytest.raises(ValueError, match=text):
        digits(methods=[name])


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("attack.eps", "'attack.eps' cannot be swept: it must be method.NAME.SETTING, train.SETTING or model.SETTING"),
        ("metod.tla.pool", "did you mean 'method'"),
        ("method.pool", "cannot be swept"),
        ("train", "cannot be swept"),
    ],
)
def test_what_cannot_be_swept(setting, text):
    with pytest.raises(ValueError, match=text):
        sweep_targets(setting, ("tla",))


def test_unfair_comparisons_give_their_reasons():
    assert digits().unfair() == []
    assert digits(methods=["at", "tla", "tla@alpha=0.1"]).unfair() == []
    reasons = digits(methods=["at@train.select=false", "tla@train.select_on=test"]).unfair()
    assert reasons == [
        "at@train.select=false is trained with select = False, unlike the others",
        "tla@train.select_on=test keeps the epoch that is best on the test images it is then judged by",
    ]
    values = recipes.read("digits")
    assert len(study_from(values | {"train": values["train"] | {"select_on": "test"}}).unfair()) == 6
