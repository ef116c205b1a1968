"""Detection against an attacker who knows the detector and evades it."""

import dataclasses

import pandas as pd

from tla.attacks import Attack, EvadeDetector, Untargeted
from tla.representation import Score, detection_frame, embed
from tla.seeding import generator
from tla.study.bench import Bench, Trained
from tla.study.embedded import Embedded
from tla.threat import Threat


def adaptive_frames(bench: Bench, trained: Trained, seen: Embedded, scores: dict[str, Score]) -> list[pd.DataFrame]:
    """The `detection` rows of the adaptive attacker, for each of the detectors and each radius.

    Args:
        bench: The work bench.
        trained: Which model.
        seen: Its outputs.
        scores: The detectors that are attacked, fitted, by name.
    """
    plan, model, frames = bench.study.attack, bench.model(trained), []
    attack = patient(plan.suite[plan.main])
    x, y = bench.queries.floats().to(bench.device), seen.y.to(bench.device)
    for name, score in scores.items():
        for eps in seen.adversarial:
            source = generator(bench.seed(trained, "adaptive"), name, f"{eps:g}", device=bench.device)
            goal = EvadeDetector(Untargeted(y, "margin"), score)
            images = attack(model, x, goal, Threat(plan.norm, eps), generator=source).adversarial
            outputs = embed(model, images)
            frame = detection_frame({name: score}, seen.clean, outputs, seen.y, ids=seen.ids, adaptive=True)
            frame.insert(0, "attack", plan.main)
            frame.insert(1, "eps", eps)
            frames.append(frame)
    return frames


def patient(attack: Attack) -> Attack:
    """The same attack, once, with nobody leaving before the end."""
    fields = {field.name for field in dataclasses.fields(attack)}
    wanted = {"pursuit": "all_steps", "restarts": 1}
    return dataclasses.replace(attack, **{name: value for name, value in wanted.items() if name in fields})
