"""How long a study will take: from the steps of a finished study, and from training steps timed on this machine."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np
import streamlit as st

from board.studies import View, finished, open_study
from board.words import label
from tla.study import costs
from tla.study.config import Study, study_from, study_values

TIMED = ("at", "natural")
"""Methods whose training steps are timed: they need nothing but a batch."""
PER_MODEL = ("train", "attack", "analyse", "audit", "radii", "ranking")
WHOLE = ("data", "tables", "report")


class Past(NamedTuple):
    """A finished study of the same data and network.

    Attributes:
        name: Of the study.
        study: Its configuration.
        seconds: Of each of its steps.
        speed: Images per second in the training of `timed`, there.
        timed: The method whose speed is compared.
        shape: Of an image.
        classes: Their names.
        test: How many test images the data have.
    """

    name: str
    study: Study
    seconds: Mapping[str, float]
    speed: float
    timed: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    test: int


class Estimate(NamedTuple):
    """The time of a study, in words.

    Attributes:
        seconds: On this machine.
        basis: What it is derived from, a sentence or two.
    """

    seconds: float
    basis: str


def estimate(study: Study, found: Mapping[str, Path]) -> Estimate | None:
    """How long a study will take here; None if no finished study of this data and network has been timed.

    Args:
        study: What would be run.
        found: Name and folder of every study.
    """
    known = [past for name, path in found.items() if finished(name, path) and (past := past_of(open_study(name, path)))]
    same = [past for past in known if _alike(past.study, study)]
    if not same:
        return None
    past = max(same, key=lambda one: (len(set(one.study.methods) & set(study.methods)), len(one.study.seeds)))
    now = speed_here(past.name, str(found[past.name]), open_study(past.name, found[past.name]).stamp)
    unknown = [label(name) for name in study.methods if name not in past.study.methods]
    guess = f" {', '.join(unknown)}: as its slowest method." if unknown else ""
    lacking = "" if any(name.startswith("ranking/") for name in past.seconds) else " It had no attack on rankings."
    method = label(past.timed)
    took = words(sum(past.seconds.values()))
    return Estimate(
        scaled(past, study) * past.speed / now,
        f"From the steps of the study {past.name}, {took} in all, scaled to these settings and to this machine: "
        f"{method} trains {now:,.0f} images a second here just now, as busy as it is, and {past.speed:,.0f} there."
        f"{guess}{lacking}",
    )


def past_of(view: View) -> Past | None:
    """What a finished study says about time; None if it trained no method that can be timed."""
    steps = view.manifest["steps"]
    seconds = {name: step["facts"]["seconds"] for name, step in steps.items() if step.get("facts", {}).get("seconds")}
    for method in TIMED:
        runs = [step["facts"] for name, step in steps.items() if name.startswith(f"train/{method}-seed")]
        speeds = [facts["images_per_second"] for facts in runs if facts.get("images_per_second")]
        data = view.manifest.get("data", {})
        if speeds and {"shape", "test"} <= set(data):
            shape, classes = tuple(data["shape"]), tuple(view.classes)
            return Past(
                view.name, study_from(view.plan), seconds, mean(speeds), method, shape, classes, int(data["test"])
            )
    return None


def scaled(past: Past, study: Study) -> float:
    """Seconds that a study would have taken where the past one ran."""
    then = past.study
    images = min(study.attack.examples, past.test) / min(then.attack.examples, past.test)
    passes = images * _passes(study) / _passes(then)
    epochs = study.train.epochs / then.train.epochs
    of_attack = (costs.passes(study.train.attack) + costs.UPDATE) / (costs.passes(then.train.attack) + costs.UPDATE)
    total = sum(past.seconds.get(name, 0.0) for name in WHOLE)
    for method in study.methods:
        factors = {
            "train": epochs * (1.0 if method == "natural" else of_attack),
            "attack": passes,
            "analyse": max(1.0, images),
        }
        total += len(study.seeds) * sum(_seconds(past, kind, method) * factors.get(kind, 1.0) for kind in PER_MODEL)
    transfers = [seconds for name, seconds in past.seconds.items() if name.startswith("transfer/")]
    pairs = (len(study.methods) / len(then.methods)) ** 2
    return total + (mean(transfers) * pairs * images * len(study.seeds) if transfers else 0.0)


def _seconds(past: Past, kind: str, method: str) -> float:
    """Mean over the seeds; of a method that was not there, its slowest one's."""
    times = {
        name: [seconds for step, seconds in past.seconds.items() if step.startswith(f"{kind}/{name}-seed")]
        for name in past.study.methods
    }
    means = {name: mean(found) for name, found in times.items() if found}
    return means.get(method, max(means.values(), default=0.0))


def _alike(one: Study, other: Study) -> bool:
    """The same data and the same network."""
    first, second = study_values(one), study_values(other)
    return first["source"]["name"] == second["source"]["name"] and first["model"] == second["model"]


def _passes(study: Study) -> float:
    return sum(costs.passes(attack) for attack in study.attack.suite.values())


@st.cache_data(show_spinner="Timing a few training steps on this machine …", ttl=900, max_entries=16)
def speed_here(name: str, path: str, stamp: int) -> float:
    """Images per second of the past study's timed method on this machine, with its settings, on pictures of noise."""
    import torch

    from tla.data import Images
    from tla.training import train

    past = past_of(open_study(name, Path(path)))
    if past is None:
        raise ValueError(f"{name} trained nothing that can be timed")
    config = replace(past.study.train, epochs=3, holdout=0, select=False, select_on=None, judge_every=3)
    count, source = 2 * config.batch, torch.Generator().manual_seed(0)
    images = Images(
        pixels=torch.randint(0, 256, (count, *past.shape), generator=source, dtype=torch.uint8),
        labels=torch.arange(count) % len(past.classes),
        classes=past.classes,
        ids=torch.arange(count),
        split="train",
    )
    with tempfile.TemporaryDirectory(prefix="tla-timing-") as folder:
        model, method = past.study.build_model(past.timed), past.study.build_method(past.timed)
        result = train(model, images, method, config, seed=0, folder=Path(folder))
    return float(np.median(result.history["images_per_second"].to_numpy(float)))


def words(seconds: float) -> str:
    """A time as people say it: "40 s", "4 min", "2 h 10 min", "3 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"
