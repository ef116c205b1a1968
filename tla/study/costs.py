"""How long the steps of a study take, for the time left: in passes of one image through the network and back."""

from tla.attacks import Attack
from tla.attacks.search.loop import FirstOrder
from tla.study.variants import read_variant
from tla.study.workspace import TrainedModel, Workspace

UPDATE = 1.5
"""Passes of a training step beside its attack: weights have gradients too."""

STOPPED = 0.25
"""Share of its passes that an attack does which stops at the first success, on a robust network."""

FORWARD = 0.4
"""Of a pass: a query of an attack that uses no gradient."""

UNSAID = 3_000.0
"""Passes of an attack whose settings do not say: several attacks in one, AutoAttack above all."""

METHODS = {"natural": 0.0, "fast": 1.0}
"""Passes of the attacks of methods that use no training attack of their own."""

AUDIT, TRANSFER = 16.0, 12.0
"""Passes per test image of the quick audit, and of a model's part in the transfer of attacks."""

FIXED = 1_000.0
"""In place of a step that only writes files."""

DRAWN = 20_000.0
"""In place of a step that draws figures."""


def passes(attack: Attack) -> float:
    """Passes that an attack does for an image, if it never stops early; a rough count by its settings.

    Args:
        attack: Any.
    """
    if not (hasattr(attack, "steps") or hasattr(attack, "queries")):
        return 1.0 if isinstance(attack, FirstOrder) else UNSAID

    def setting(name: str, otherwise: int = 0) -> float:
        return float(getattr(attack, name, otherwise))

    targeted = setting("targets") * setting("target_steps")
    return setting("restarts", 1) * (setting("steps") + targeted) + FORWARD * setting("queries")


def training(workspace: Workspace, trained: TrainedModel) -> float:
    """Passes of a training.

    Args:
        workspace: Of the run.
        trained: The model.
    """
    config = workspace.study.build_train(trained.method)
    method = read_variant(trained.method).method
    attacked = METHODS.get(method, passes(config.attack))
    return len(workspace.splits.train) * config.epochs * (attacked + UPDATE)


def per_query(workspace: Workspace, count: float) -> float:
    """Passes of a step that takes about so many for every test image.

    Args:
        workspace: Of the run.
        count: Passes per image.
    """
    return FIXED + len(workspace.queries) * count


def suite(workspace: Workspace) -> float:
    """Passes of the attacks on a model.

    Args:
        workspace: Of the run.
    """
    plan = workspace.study.attack
    further = len(plan.detection_eps) * passes(plan.suite[plan.main])
    return per_query(workspace, STOPPED * (sum(map(passes, plan.suite.values())) + further))


def analysis(workspace: Workspace) -> float:
    """Passes of the measures of a model: evading detectors, comparing layers, and what takes no passes but as long.

    Args:
        workspace: Of the run.
    """
    return per_query(workspace, 150.0 if workspace.study.analysis.layers else 50.0)


def rankings(workspace: Workspace, images: int, radii: int) -> float:
    """Passes of attacks on the ranking, in four ways, and of the search after each.

    Args:
        workspace: Of the run.
        images: That are attacked.
        radii: At how many radii.
    """
    plan = workspace.study.attack
    return FIXED + 8.0 * images * radii * passes(plan.suite[plan.main])
