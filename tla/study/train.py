"""Trains one model of the study."""

from tla.config import digest
from tla.study.bench import Bench, Step, Tell, Trained, Written
from tla.study.collect import write_part

COST = {"natural": 1.0, "fast": 2.0}


def step(bench: Bench, trained: Trained) -> Step:
    """Train one method with one seed; goes on from its last finished epoch."""
    study = bench.study
    inputs = [bench.training_digest, study.model, study.train, study.build_method(trained.method), trained]
    weight = 0.3 + 0.25 * study.train.epochs * COST.get(trained.method, 6.0) / 6.0
    return Step(f"train/{trained.key}", digest(inputs), weight, lambda tell: _run(bench, trained, tell))


def _run(bench: Bench, trained: Trained, tell: Tell) -> Written:
    from tla.models import build_model
    from tla.training import train

    study, images = bench.study, bench.splits.train
    folder = bench.store.path / "models" / trained.key
    model = build_model(study.model, images.shape, len(images.classes), seed=trained.seed)

    def watch(news: dict[str, float]) -> None:
        tell(news["epoch"] / study.train.epochs, f"epoch {news['epoch']:.0f} of {study.train.epochs}")

    result = train(
        model, images, study.build_method(trained.method), study.train, seed=trained.seed, folder=folder, progress=watch
    )
    part = write_part(bench.store, "history", trained, result.history)
    facts = dict(result.facts)
    return Written([bench.model_file(trained), part], _summary(facts), facts)


def _summary(facts: dict[str, object]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if isinstance(value, int | float)
    )
