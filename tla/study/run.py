"""Runs a study: finished steps are skipped, interrupted ones resume."""

import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tla.config import digest
from tla.extras import versions
from tla.files import held, remove_orphans
from tla.memory import give_back, only_new_garbage
from tla.store import Store
from tla.study import analyse, attack, audit, collect, data, given, radii, ranking, report, start, train, transfer
from tla.study.config import Study, study_values
from tla.study.distributed import join_training, open_process_group, train_in_group
from tla.study.progress import ProgressCallback, ProgressReporter
from tla.study.workspace import StudyStep, Workspace

if TYPE_CHECKING:
    import torch

VERSIONED = ("tla", "torch", "torchvision", "numpy", "scikit-learn", "umap-learn", "plotly")


def run_study(
    study: Study,
    folder: Path,
    *,
    data_root: Path | None = None,
    progress: ProgressCallback | None = None,
    request: str = "",
    force: bool = False,
) -> Store:
    """Run every step of a study that is not finished.

    Args:
        study: The study.
        folder: The study folder; created if missing.
        data_root: Folder of data sets; see `tla.data.data_root`.
        progress: Called with every change of progress.
        request: Fingerprint of the command, stored in the manifest once everything is finished.
        force: Run every step again (files stay until they are replaced).

    Under `torchrun` the processes train together, one model after the other; the first one does everything else, the
    others exit after the last training.

    Returns:
        The finished study.

    Raises:
        ValueError: for a damaged manifest, a setting that does not fit the data, or weights that do not fit the study.
        OSError: without space or permission; finished steps are kept.
    """
    workspace = Workspace(study, Store(folder), data_root)
    return run_steps(workspace, plan, progress=progress, request=request or digest(study), force=force)


def run_steps(
    workspace: Workspace,
    make_plan: Callable[[Workspace], list[StudyStep]],
    *,
    progress: ProgressCallback | None = None,
    request: str = "",
    force: bool = False,
    notes: Mapping[str, Any] | None = None,
) -> Store:
    """Run the steps of a plan that are not finished.

    Args:
        workspace: Of the run.
        make_plan: Gives the steps; called after the data were checked.
        progress: Called with every change of progress.
        request: Stored in the manifest once everything is finished.
        force: Run every step again.
        notes: More for the manifest.

    Raises:
        FolderInUseError: if another process is running a study in the same folder.
    """
    store = workspace.store
    store.manifest()
    listing = workspace.study.source.listing(workspace.data_root)
    data.check(workspace)
    group = open_process_group()
    if group is not None and group.rank > 0:
        join_training(workspace, group)
        return store

    def begin() -> list[StudyStep]:
        steps = make_plan(workspace)  # a given network that is refused leaves no trace in the folder
        _note_run(workspace, notes or {})
        return steps

    def first(steps: list[StudyStep], run: Callable[[StudyStep], None]) -> list[StudyStep]:
        return steps if group is None else train_in_group(workspace, group, steps, run)

    return run_plan(store, begin, first=first, progress=progress, request=request, listing=listing, force=force)


def run_plan(
    store: Store,
    begin: Callable[[], list[StudyStep]],
    *,
    first: Callable[[list[StudyStep], Callable[[StudyStep], None]], list[StudyStep]] | None = None,
    progress: ProgressCallback | None = None,
    request: str = "",
    listing: str | None = "",
    force: bool = False,
) -> Store:
    """Run the steps of any plan that are not finished, holding the folder.

    Args:
        store: The study folder.
        begin: Writes down what is run, and gives the steps; the last one is the report.
        first: Runs some of the steps, with the function that runs one, and returns the others; by default none.
        progress: Called with every change of progress.
        request: Stored in the manifest once everything is finished.
        listing: What the files of the data were before the run, see `Source.listing`; stored with the request.
        force: Run every step again.

    Raises:
        FolderInUseError: if another process is running a study in the same folder.
    """
    with held(store.path), only_new_garbage():
        remove_orphans(store.path)
        if force:
            for name in list(store.manifest()["steps"]):
                store.forget(name)
        steps = begin()
        reporter = ProgressReporter(store.path, {step.name: step.weight for step in steps}, progress)
        rest = steps if first is None else first(steps, lambda step: _run_step(store, step, reporter))
        for step in rest:
            if step is steps[-1]:  # the report, which shows every table in the folder
                _forget_removed_steps(store, steps)
            _run_step(store, step, reporter)
        store.note(complete=request, listing=listing)
    return store


def _note_run(workspace: Workspace, notes: Mapping[str, Any]) -> None:
    """Write down what is being run, and on what, before the first step."""
    store, study, reasons = workspace.store, workspace.study, workspace.study.unfair()
    store.note(
        complete=None,
        study=study_values(workspace.asked),
        fairness={"fair": not reasons, "reasons": reasons},
        short=study.short(),
        start=start.summary(workspace),
        **environment(store, workspace.device),
        **{"sweep": None, "embeddings": None, **notes},
    )
    store.write_text("study.toml", _toml(workspace.asked))


def plan(workspace: Workspace) -> list[StudyStep]:
    """The steps of a study in order, each with its fingerprint."""
    models = workspace.models
    per_model: list[StudyStep] = []
    analyses: list[str] = []
    weights: dict[str, str] = {}
    for model in models:
        made = given if model.method in workspace.given else train
        ready = made.step(workspace, model)
        weights[model.key] = ready.digest
        attacked = attack.step(workspace, model, ready.digest)
        analysed = analyse.step(workspace, model, attacked.digest)
        per_model += [ready, attacked, analysed]
        analyses.append(analysed.digest)
        if workspace.study.analysis.audit:
            per_model.append(audit.step(workspace, model, attacked.digest))
    per_model += radii.steps(workspace, models, analyses)
    per_model += ranking.steps(workspace, models, weights)
    collected = collect.step(workspace, models, [step.digest for step in per_model])
    transfers = transfer.steps(workspace, models, weights)
    tables = digest([collected.digest, *(step.digest for step in transfers)]) if transfers else collected.digest
    return [
        data.step(workspace),
        *start.steps(workspace),
        *per_model,
        *transfers,
        collected,
        report.step(workspace, tables),
    ]


def _run_step(store: Store, step: StudyStep, reporter: ProgressReporter) -> None:
    if store.finished(step.name, step.digest):
        reporter.report(step.name, "skipped", message="already there")
        return
    started = time.perf_counter()
    reason = _why_again(store, step)
    reporter.report(step.name, "running", message=reason)
    try:
        result = step.run(lambda share, message: reporter.report(step.name, "running", share, message))
    except BaseException as error:
        reporter.report(step.name, "failed", message=str(error)[:200] or type(error).__name__)
        raise
    seconds = time.perf_counter() - started
    facts = result.facts | {"seconds": round(seconds, 2), "peak_memory_gib": _peak_memory()}
    store.finish(step.name, step.digest, result.files, facts)
    give_back()
    reporter.report(
        step.name, "done", message="; ".join(filter(None, (f"{result.message} ({seconds:.1f} s)".strip(), reason)))
    )


def _why_again(store: Store, step: StudyStep) -> str:
    """Why a step that was finished with the same inputs is repeated; empty for any other."""
    entry = store.manifest()["steps"].get(step.name)
    if entry is None or entry["digest"] != step.digest:
        return ""
    return f"repeated: {store.changed(step.name)[0]} is not the file that was written"


def _peak_memory() -> float:
    """Largest resident memory of this process so far, in GiB."""
    import resource

    unit = 2**30 if sys.platform == "darwin" else 2**20
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 3)


def _forget_removed_steps(store: Store, steps: list[StudyStep]) -> None:
    """Remove steps that the study no longer has from the manifest; models stay on disk: they were expensive."""
    names = {step.name for step in steps}
    for name in store.manifest()["steps"]:
        if name not in names and not name.startswith("train/"):
            store.forget(name, tables=True)


def environment(store: Store, device: "torch.device") -> dict[str, Any]:
    """The manifest's entries about versions and hardware."""
    return {
        "versions": {"python": platform.python_version()} | versions(VERSIONED),
        "hardware": _hardware(store, device),
    }


def _hardware(store: Store, device: "torch.device") -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(0) if device.type == "cuda" else _processor()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "free_disk_gb": round(shutil.disk_usage(store.path.parent if store.path.parent.exists() else ".").free / 1e9),
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
