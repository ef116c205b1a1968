"""Trains one model of the study."""

from typing import TYPE_CHECKING

from tla.config import digest
from tla.study.bench import Bench, Step, Tell, Trained, Written
from tla.study.collect import write_part

if TYPE_CHECKING:
    from tla.training import Progress

COST = {"natural": 1.0, "fast": 2.0}
SHOWN = ("clean_accuracy", "robust_accuracy", "best_epoch", "images_per_second")


def step(bench: Bench, trained: Trained) -> Step:
    """Train one method with one seed; goes on from its last finished epoch."""
    study = bench.study
    inputs = [bench.training_digest, study.model, study.train, study.build_method(trained.method), trained]
    weight = 0.3 + 0.25 * study.train.epochs * COST.get(trained.method, 6.0) / 6.0
    return Step(f"train/{trained.key}", digest(inputs), weight, lambda tell: _run(bench, trained, tell))


def _run(bench: Bench, trained: Trained, tell: Tell) -> Written:
    from tla.config import to_dict
    from tla.training import train

    study = bench.study

    def watch(news: "Progress") -> None:
        share = (news.epoch + news.step / news.steps * (news.row is None)) / news.epochs
        tell(share, f"epoch {min(news.epoch + 1, news.epochs)}/{news.epochs}, {news.images:,.0f} images/s")

    result = train(
        study.model,
        bench.splits.train,
        study.build_method(trained.method),
        study.train,
        seed=trained.seed,
        folder=bench.store.path / "models" / trained.key,
        progress=watch,
        header={"source": to_dict(study.source), "attack": to_dict(study.attack)},
        foreign="replace",
    )
    part = write_part(bench.store, "history", trained, result.history.drop(columns=["method", "seed"]))
    shown = {name: result.facts[name] for name in SHOWN}
    message = "held-out accuracy {clean_accuracy:.1%} clean, {robust_accuracy:.1%} attacked, epoch {best_epoch}"
    return Written([bench.model_file(trained), part], message.format(**shown), dict(result.facts))
