"""The whole experiment as one value: nested frozen dataclasses, in and out of TOML."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from tla.attacks import ATTACKS, Attack
from tla.attacks.base import check_evaluates
from tla.attacks.search.step_size import at_radius, too_short
from tla.config import from_dict, merge, quotient, to_dict
from tla.data import Source
from tla.files import check_name
from tla.messages import did_you_mean
from tla.models import MODELS, Backbone, GivenModel
from tla.precision import Precision
from tla.study.variants import read_variant
from tla.threat import Norm, Threat
from tla.training import METHODS, Method, TrainConfig


@dataclass(frozen=True, kw_only=True)
class AttackPlan:
    """How every model is attacked after training.

    Args:
        norm: Norm of the threat, in training and in evaluation: linf, l2 or l1.
        eps: Radius in pixel units (images are in 0..1), in training and in evaluation.
        train_eps: Another radius for training: a slightly larger one often helps at eps.
        examples: How many test images are attacked; all if there are fewer.
        batch: Images attacked at a time.
        main: Label of the attack whose images are embedded, mapped and retrieved.
        suite: The attacks, by their labels in tables and figures.
        detection_eps: Larger radii for evaluating the detection of misclassification.
        precision: "auto" (bf16 where the processor is fast at it), "fp32" or "bf16"; verdicts are always float32.
    """

    norm: Norm = "linf"
    eps: float = 0.3
    examples: int = 500
    batch: int = 250
    main: str = "pgd"
    suite: dict[str, Attack] = field(default_factory=dict)
    detection_eps: tuple[float, ...] = ()
    precision: Precision = "auto"
    train_eps: float | None = None

    def __post_init__(self) -> None:
        Threat(self.norm, self.eps)
        Threat(self.norm, self.radius)
        if self.examples < 1 or self.batch < 1:
            raise ValueError(f"attack.examples and attack.batch must be >= 1, got {self.examples} and {self.batch}")
        if self.suite and self.main not in self.suite:
            raise ValueError(f"attack.main {self.main!r} is not in the suite; {did_you_mean(self.main, self.suite)}")
        for eps in self.detection_eps:
            Threat(self.norm, eps)
        for label, attack in self.suite.items():
            check_evaluates(f"attack.suite.{label}", attack)

    @property
    def threat(self) -> Threat:
        """The threat of the evaluation."""
        return Threat(self.norm, self.eps)

    @property
    def radius(self) -> float:
        """The radius of training."""
        return self.eps if self.train_eps is None else self.train_eps


@dataclass(frozen=True, kw_only=True)
class AnalysisPlan:
    """What is measured on the embeddings.

    Args:
        gallery: How many natural training images are in the retrieval gallery; all if there are fewer.
        neighbours: How many nearest neighbours are stored per query (k).
        projection: How the map is made: umap, pca or tsne.
        map_points: How many test images the map shows, each clean and adversarial.
        trajectories: For how many test images the attack's trajectory is stored; by default 24, fewer large ones. With
            0, no image is attacked at growing radii either.
        detectors: Detection scores to compare.
        adaptive: Which of them are also evaluated against an attack that evades them.
        adaptive_images: On how many of the attacked test images, at every radius; by default all of them, but of large
            images few, at the study's radius only.
        layers: Whether to measure the similarity (CKA) of every layer; needs at least 4 images.
        audit: Whether to run the quick audit of the evaluation on every model.
        transfer: On how many of the attacked test images the models attack each other (the paper's black box); 0 for
            none, by default all of them.
        ranking: For how many of the attacked test images the ranking of the gallery is attacked (items and queries,
            raised and lowered); 0 for none, by default 100, fewer large ones.
    """

    gallery: int = 10_000
    neighbours: int = 10
    projection: str = "umap"
    map_points: int = 500
    trajectories: int | None = None
    detectors: tuple[str, ...] = ("gaussian_diagonal", "max_softmax", "max_logit")
    adaptive: tuple[str, ...] = ("gaussian_diagonal", "max_softmax")
    adaptive_images: int | None = None
    layers: bool = True
    audit: bool = True
    transfer: int | None = None
    ranking: int | None = None

    def __post_init__(self) -> None:
        for name in ("gallery", "neighbours", "map_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"analysis.{name} must be >= 1, got {getattr(self, name)}")
        for name in self.adaptive:
            if name not in self.detectors:
                raise ValueError(
                    f"analysis.adaptive: {name!r} is not in detectors; {did_you_mean(name, self.detectors)}"
                )
        for name in ("trajectories", "adaptive_images", "transfer", "ranking"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"analysis.{name} must be >= 0, got {getattr(self, name)}")


_NAME = re.compile(r"\w[\w .+-]{0,59}")


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study: models of one data set, trained by it or given, are attacked, measured and compared.

    Args:
        name: Name of the study, and of its folder.
        methods: Training methods to compare, and variants of them: "tla", "tla@pool=250", "at@train.select=false"
            (`tla.study.variants`). May be empty if models are given.
        seeds: Each method is trained once per seed.
        source: Where the images come from.
        given: Models that exist already, by the names they have in tables and figures.
        start: A model that exists already, by its name: every method trains it further, from its weights, instead of
            `model`. It is compared with the results where its classes are those of the data.
        before: Whether to compare the start itself with what the methods made of it.
        model: The backbone that every method trains.
        train: Training, the same for all methods.
        attack: Attacks after training.
        analysis: What is measured on the embeddings.
        method: Settings of single methods that differ from their defaults, by method.
        caption: The recipe's purpose in one line, shown in the report.
    """

    name: str
    source: Source
    model: Backbone = field(default_factory=lambda: MODELS.build("small_cnn"))
    methods: tuple[str, ...] = ("natural", "at", "alp", "tla", "tla-rn", "tla-sa")
    seeds: tuple[int, ...] = (0,)
    given: dict[str, GivenModel] = field(default_factory=dict)
    start: dict[str, GivenModel] = field(default_factory=dict)
    before: bool = True
    train: TrainConfig = field(default_factory=TrainConfig)
    attack: AttackPlan = field(default_factory=AttackPlan)
    analysis: AnalysisPlan = field(default_factory=AnalysisPlan)
    method: dict[str, dict[str, Any]] = field(default_factory=dict)
    caption: str = ""

    def __post_init__(self) -> None:
        check_name(self.name, "name")
        if not self.methods and not self.given:
            raise ValueError("methods must name at least one method, got none; or give a model (given.NAME.load)")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds must be different whole numbers >= 0, got {list(self.seeds)}")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods must be different, got {list(self.methods)}")
        for name in self.given:
            _check_name(name, self.methods, "given")
        self._check_start()
        if not self.attack.suite:
            object.__setattr__(self, "attack", replace(self.attack, suite={"pgd": ATTACKS.build("pgd")}))
        same = replace(self.train, norm=self.attack.norm, eps=self.attack.radius)
        object.__setattr__(self, "train", same)
        for name in (*self.methods, *self.method):
            self.build_method(name)
            self.build_train(name)
            self.build_model(name)

    def _check_start(self) -> None:
        if len(self.start) > 1:
            raise ValueError(f"start must be one model for all methods, got {', '.join(self.start)}")
        for name in self.start:
            _check_name(name, self.methods, "start")
            if name in self.given:
                raise ValueError(f"start: {name!r} is the name of a given model too; give the start another name")
            if not self.methods:
                raise ValueError(f"start: methods must name at least one method to train {name!r} with, got none")
            for variant in (method for method in self.methods if read_variant(method).model):
                raise ValueError(
                    f"methods: {variant!r} asks for another network, but every method trains {name!r} (start)"
                )

    def build_method(self, name: str) -> Method:
        """A method with this study's settings for it.

        Args:
            name: An entry of `methods`.

        Raises:
            ValueError: for an unknown method or setting, or a setting that has no effect.
        """
        variant = read_variant(name)
        method = METHODS.build(variant.method, **merge(self.method.get(variant.method, {}), variant.settings))
        for setting, reason in method.idle().items():
            if setting in variant.settings:
                raise ValueError(f"methods: {setting} changes nothing in {name!r}: {reason}")
        return method

    def build_train(self, name: str) -> TrainConfig:
        """The training of an entry of `methods`: the study's, with the entry's changes.

        Raises:
            ValueError: for an unknown setting or value.
        """
        changes = read_variant(name).train
        return self.train if not changes else _changed(TrainConfig, self.train, changes, f"methods {name!r}: train")

    def build_model(self, name: str) -> Backbone:
        """The backbone of an entry of `methods`.

        Raises:
            ValueError: for an unknown setting or value.
        """
        changes = read_variant(name).model
        return self.model if not changes else _changed(Backbone, self.model, changes, f"methods {name!r}: model")

    def resolved(self) -> "Study":
        """The same study with every step size in pixel units.

        A share is one of the study's eps (in training of the training radius), also where an attack is run at a larger
        radius, as for detection.
        """
        suite = {label: at_radius(attack, self.attack.eps) for label, attack in self.attack.suite.items()}
        train = {name: at_radius(getattr(self.train, name), self.train.eps) for name in ("attack", "strong", "judge")}
        return replace(self, attack=replace(self.attack, suite=suite), train=replace(self.train, **train))

    def short(self) -> list[str]:
        """Attacks of the suite that cannot reach the border of the ball, a sentence each; empty if all can."""
        reasons = {label: too_short(attack, self.attack.eps) for label, attack in self.attack.suite.items()}
        return [f"attack.suite.{label}: {reason}" for label, reason in reasons.items() if reason]

    def unfair(self) -> list[str]:
        """Why this comparison is unfair, one sentence per reason; empty if only the methods differ."""
        reasons = []
        for name in self.methods:
            if self.build_train(name).select_on == "test":
                reasons.append(f"{name} keeps the epoch that is best on the test images it is then judged by")
            changes = [f"{key} = {value}" for key, value in _flat(read_variant(name).train) if key != "select_on"]
            if changes:
                reasons.append(f"{name} is trained with {', '.join(changes)}, unlike the others")
            if read_variant(name).model:
                reasons.append(f"{name} is another network than the others'")
        if self.methods:
            reasons += [f"{name} was given, not trained by this study" for name in self.given]
        return reasons

    @property
    def trained(self) -> tuple[tuple[str, int], ...]:
        """(method, seed) of every model that the study trains."""
        return tuple((method, seed) for method in self.methods for seed in self.seeds)

    @property
    def models(self) -> tuple[tuple[str, int], ...]:
        """(method, seed) of every model: the trained ones, then the given ones, which count as of the first seed."""
        return (*self.trained, *((name, self.seeds[0]) for name in self.given))


def _check_name(name: str, methods: tuple[str, ...], where: str) -> None:
    """Raises ValueError for the name of a given model or start that is taken, or that cannot be a file's name."""
    if not _NAME.fullmatch(name) or name != name.strip() or "-seed" in name:
        raise ValueError(
            f"{where}: a model's name must be 1 to 60 letters, digits, spaces or any of _.+- , without '-seed', "
            f"and start with a letter or digit; got {name!r}"
        )
    if name in methods or name in METHODS.names():
        raise ValueError(f"{where}: {name!r} is the name of a training method; give the model another name")


def _changed(kind: type[Any], value: Any, changes: dict[str, Any], where: str) -> Any:
    """A dataclass with some of its plain values replaced."""
    return from_dict(kind, merge(to_dict(value), changes), where=where)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested tables as pairs of dotted name and value."""
    pairs = []
    for key, value in values.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs


def study_from(values: dict[str, Any]) -> Study:
    """A study from plain values, such as a recipe's.

    Raises:
        ValueError: names the key that is unknown, missing or wrong.
    """
    study = from_dict(Study, values, where="recipe")
    eps = values.get("train", {}).get("eps", study.train.eps)
    if (quotient(eps) if isinstance(eps, str) else eps) != study.train.eps:
        raise ValueError(
            f"recipe: train.eps is {eps}, but a study trains at attack.eps = {study.attack.eps:g}; "
            "set attack.train_eps for another radius in training"
        )
    return study


def study_values(study: Study) -> dict[str, Any]:
    """The plain values of a study, the inverse of `study_from`."""
    return to_dict(study)
