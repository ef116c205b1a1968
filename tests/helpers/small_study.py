"""A study of the digits that runs in seconds."""

from typing import Any

from tla.study import Study, recipes, study_from

SMALL: dict[str, Any] = {
    "train": {"epochs": 2, "batch": 128, "holdout": 100},
    "attack": {"examples": 60, "batch": 60, "detection_eps": [0.2]},
    "analysis": {"gallery": 300, "map_points": 30, "trajectories": 4, "projection": "pca", "audit": False},
    "methods": ["natural", "tla"],
}
SUITE = {"fgsm": {"name": "fgsm"}, "pgd": {"name": "pgd", "steps": 3}}


def small(**more: Any) -> Study:
    """The digits recipe, smaller; `more` replaces whole sections."""
    values = recipes.read("digits")
    for key, value in SMALL.items():
        values[key] = {**values[key], **value} if isinstance(value, dict) else value
    values["attack"]["suite"] = SUITE
    return study_from(values | more)
