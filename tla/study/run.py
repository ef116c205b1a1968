"""Runs a study: every step once, what is finished is skipped, what was cut off goes on."""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tla.config import digest
from tla.extras import versions
from tla.memory import give_back
from tla.store import Store
from tla.study import analyse, attack, audit, collect, data, report, train, transfer
from tla.study.config import Study, study_values
from tla.study.distributed import help_training, open_team, train_together
from tla.study.progress import Teller, Watcher
from tla.study.workspace import StudyStep, Trained, Workspace

VERSIONED = ("tla", "torch", "torchvision", "numpy", "scikit-learn", "umap-learn", "plotly")


def run_study(
    study: Study,
    folder: Path,
    *,
    data_root: Path | None = None,
    watch: Watcher | None = None,
    request: str = "",
    anew: bool = False,
) -> Store:
    """Do every step of a study that is not done yet.

    Args:
        study: What is to be done.
        folder: The study folder; made where it is missing.
        data_root: Folder of data sets; see `tla.data.data_root`.
        watch: Told about progress.
        request: Fingerprint of what was asked for, kept in the manifest once everything is finished.
        anew: Begin again: forget what is finished (files stay until they are replaced).

    Started by `torchrun`, the processes train together, one model after the other; the first one does everything else,
    the others leave when the last model is trained.

    Returns:
        The finished study.

    Raises:
        ValueError: for a damaged manifest, a setting that does not fit the data, or weights that do not fit the study.
        OSError: without space or permission; what is finished is kept.
    """
    workspace = Workspace(study, Store(folder), data_root)
    return carry_out(workspace, plan, watch=watch, request=request or digest(study), anew=anew)


def carry_out(
    workspace: Workspace,
    make: Callable[[Workspace], list[StudyStep]],
    *,
    watch: Watcher | None = None,
    request: str = "",
    anew: bool = False,
    notes: Mapping[str, Any] | None = None,
) -> Store:
    """Do the steps of a plan that are not done yet.

    Args:
        workspace: Of the run.
        make: Gives the plan; called when the data are known to fit.
        watch: Told about progress.
        request: Kept in the manifest once everything is finished.
        anew: Forget what is finished.
        notes: More for the manifest.
    """
    store, study = workspace.store, workspace.study
    manifest = store.manifest()
    data.check(workspace)
    team = open_team()
    if team is not None and team.rank > 0:
        help_training(workspace, team)
        return store
    if anew:
        for name in list(manifest["steps"]):
            store.forget(name)
    reasons = study.unfair()
    store.note(
        complete=None,
        study=study_values(study),
        fairness={"fair": not reasons, "reasons": reasons},
        versions={"python": platform.python_version()} | versions(VERSIONED),
        hardware=_hardware(workspace),
        **{"sweep": None, **(notes or {})},
    )
    store.write_text("study.toml", _toml(study))
    steps = make(workspace)
    teller = Teller(store.path, {step.name: step.weight for step in steps}, watch)
    left = steps if team is None else train_together(workspace, team, steps, lambda step: _do(store, step, teller))
    for step in left:
        if step is steps[-1]:  # the report, which reads every table that is there
            _forget_others(store, steps)
        _do(store, step, teller)
    store.note(complete=request)
    return store


def plan(workspace: Workspace) -> list[StudyStep]:
    """The steps of a study in order, with the fingerprint of each."""
    models = [Trained(method, seed) for method, seed in workspace.study.models]
    steps = [data.step(workspace)]
    parts: list[StudyStep] = []
    weights: dict[str, str] = {}
    for model in models:
        trained = train.step(workspace, model)
        weights[model.key] = trained.digest
        attacked = attack.step(workspace, model, trained.digest)
        analysed = analyse.step(workspace, model, attacked.digest)
        parts += [trained, attacked, analysed]
        if workspace.study.analysis.audit:
            parts.append(audit.step(workspace, model, attacked.digest))
    collected = collect.step(workspace, models, [part.digest for part in parts])
    crossed = transfer.steps(workspace, models, weights)
    shown = digest([collected.digest, *(step.digest for step in crossed)]) if crossed else collected.digest
    return [*steps, *parts, *crossed, collected, report.step(workspace, shown)]


def _do(store: Store, step: StudyStep, teller: Teller) -> None:
    if store.finished(step.name, step.digest):
        teller.tell(step.name, "skipped", message="already there")
        return
    begun = time.perf_counter()
    teller.tell(step.name, "running", message="")
    try:
        written = step.run(lambda share, message: teller.tell(step.name, "running", share, message))
    except BaseException as error:
        teller.tell(step.name, "failed", message=str(error)[:200] or type(error).__name__)
        raise
    seconds = time.perf_counter() - begun
    facts = written.facts | {"seconds": round(seconds, 2), "peak_memory_gib": _peak_memory()}
    store.finish(step.name, step.digest, written.files, facts)
    give_back()
    teller.tell(step.name, "done", message=f"{written.message} ({seconds:.1f} s)".strip())


def _peak_memory() -> float:
    """Largest resident memory of this process so far, in GiB."""
    import resource

    unit = 2**30 if sys.platform == "darwin" else 2**20
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 3)


def _forget_others(store: Store, steps: list[StudyStep]) -> None:
    """Steps that this study no longer has leave the manifest; models stay on disk, they were dear."""
    wanted = {step.name for step in steps}
    for name in store.manifest()["steps"]:
        if name not in wanted and not name.startswith("train/"):
            store.forget(name, tables=True)


def _hardware(workspace: Workspace) -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(0) if workspace.device.type == "cuda" else _processor()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "free_disk_gb": round(
            shutil.disk_usage(workspace.store.path.parent if workspace.store.path.parent.exists() else ".").free / 1e9
        ),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _toml(study: Study) -> str:
    import tomli_w

    return tomli_w.dumps(study_values(study))
