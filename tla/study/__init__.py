"""Studies: the whole experiment, from images to a report."""

import importlib
from typing import TYPE_CHECKING, Any

from tla.study.locate import locate

if TYPE_CHECKING:
    from tla.study.config import AnalysisPlan, AttackPlan, Study, study_from, study_values
    from tla.study.run import run_study

_HOMES = {
    "AnalysisPlan": "config",
    "AttackPlan": "config",
    "Study": "config",
    "study_from": "config",
    "study_values": "config",
    "run_study": "run",
}

__all__ = ["AnalysisPlan", "AttackPlan", "Study", "locate", "run_study", "study_from", "study_values"]


def __getattr__(name: str) -> Any:
    """Recipes and folders are read without torch; the rest is imported when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tla.study' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tla.study.{_HOMES[name]}"), name)
