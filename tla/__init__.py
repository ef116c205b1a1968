"""See what an adversarial attack does to a network's representation, and train networks whose representation holds.

Everything below is imported when it is first asked for, so that `import tla` costs next to nothing:

    model = tla.load("mnist/tla")
    goal, threat = tla.Untargeted(y), tla.Threat("linf", 0.3)
    found = tla.PGD(steps=40)(model, x, goal, threat)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tla import (
        attacks,
        audit,
        data,
        losses,
        models,
        plots,
        projection,
        representation,
        retrieval,
        statistics,
        study,
        training,
        weights,
    )
    from tla.attacks import (
        ATTACKS,
        AttackResult,
        CollideWithEmbedding,
        EvadeDetector,
        LeaveEmbedding,
        Recorder,
        evaluate,
    )
    from tla.attacks.apgd import APGD
    from tla.attacks.autoattack import AutoAttack
    from tla.attacks.bim import BIM
    from tla.attacks.cw import CW
    from tla.attacks.ensemble import Ensemble
    from tla.attacks.fgsm import FGSM
    from tla.attacks.goals import Targeted, Untargeted
    from tla.attacks.mim import MIM
    from tla.attacks.pgd import PGD
    from tla.attacks.rfgsm import RFGSM
    from tla.attacks.square import Square
    from tla.audit import CHECKS
    from tla.data import SOURCES, Images, load_source
    from tla.losses import LOSSES
    from tla.models import MODELS, Classifier, as_classifier, build_model, load_user_model
    from tla.plots import FIGURES
    from tla.projection import PROJECTIONS
    from tla.representation import DETECTORS, embed, shift_report
    from tla.store import Store
    from tla.study.config import Study
    from tla.study.locate import locate as open_study
    from tla.study.run import run_study
    from tla.threat import Threat
    from tla.training import METHODS, TrainConfig, load_model, train
    from tla.types import Outputs, Shape
    from tla.weights import load

    __version__: str

_ROOMS = (
    "attacks",
    "audit",
    "data",
    "losses",
    "models",
    "plots",
    "projection",
    "representation",
    "retrieval",
    "statistics",
    "study",
    "training",
    "weights",
)
_HOMES = {
    "APGD": "attacks.apgd",
    "ATTACKS": "attacks",
    "AttackResult": "attacks",
    "AutoAttack": "attacks.autoattack",
    "BIM": "attacks.bim",
    "CHECKS": "audit",
    "CW": "attacks.cw",
    "Classifier": "models",
    "CollideWithEmbedding": "attacks",
    "DETECTORS": "representation",
    "Ensemble": "attacks.ensemble",
    "EvadeDetector": "attacks",
    "FGSM": "attacks.fgsm",
    "FIGURES": "plots",
    "Images": "data",
    "LOSSES": "losses",
    "LeaveEmbedding": "attacks",
    "METHODS": "training",
    "MIM": "attacks.mim",
    "MODELS": "models",
    "Outputs": "types",
    "PGD": "attacks.pgd",
    "PROJECTIONS": "projection",
    "RFGSM": "attacks.rfgsm",
    "Recorder": "attacks",
    "SOURCES": "data",
    "Shape": "types",
    "Square": "attacks.square",
    "Store": "store",
    "Study": "study.config",
    "Targeted": "attacks.goals",
    "Threat": "threat",
    "TrainConfig": "training",
    "Untargeted": "attacks.goals",
    "as_classifier": "models",
    "build_model": "models",
    "embed": "representation",
    "evaluate": "attacks",
    "load": "weights",
    "load_model": "training",
    "load_source": "data",
    "load_user_model": "models",
    "open_study": "study.locate:locate",
    "run_study": "study.run",
    "shift_report": "representation",
    "train": "training",
}

__all__ = [
    "APGD",
    "ATTACKS",
    "AttackResult",
    "AutoAttack",
    "BIM",
    "CHECKS",
    "CW",
    "Classifier",
    "CollideWithEmbedding",
    "DETECTORS",
    "Ensemble",
    "EvadeDetector",
    "FGSM",
    "FIGURES",
    "Images",
    "LOSSES",
    "LeaveEmbedding",
    "METHODS",
    "MIM",
    "MODELS",
    "Outputs",
    "PGD",
    "PROJECTIONS",
    "RFGSM",
    "Recorder",
    "SOURCES",
    "Shape",
    "Square",
    "Store",
    "Study",
    "Targeted",
    "Threat",
    "TrainConfig",
    "Untargeted",
    "as_classifier",
    "build_model",
    "embed",
    "evaluate",
    "load",
    "load_model",
    "load_source",
    "load_user_model",
    "open_study",
    "run_study",
    "shift_report",
    "train",
    "attacks",
    "audit",
    "data",
    "losses",
    "models",
    "plots",
    "projection",
    "representation",
    "retrieval",
    "statistics",
    "study",
    "training",
    "weights",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562), once."""
    if name == "__version__":
        from importlib.metadata import version

        found: Any = version("tla")
    elif name in _ROOMS:
        found = importlib.import_module(f"tla.{name}")
    elif name in _HOMES:
        module, _, other = _HOMES[name].partition(":")
        found = getattr(importlib.import_module(f"tla.{module}"), other or name)
    else:
        raise AttributeError(f"module 'tla' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """What can be asked for."""
    return sorted({*globals(), *__all__})
