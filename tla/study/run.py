"""Runs a study: finished steps are skipped, interrupted ones resume."""

import platform
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tla.config import digest
from tla.extras import versions
from tla.files import held, remove_orphans
from tla.memory import only_new_garbage
from tla.store import Store
from tla.study import analyse, attack, audit, collect, data, given, radii, ranking, report, start, train, transfer
from tla.study.config import Study, study_values
from tla.study.distributed import join_training, open_process_group, train_in_group
from tla.study.progress import ProgressCallback, ProgressReporter
from tla.study.step_runner import StepRunner
from tla.study.workers import Workers, run_on_workers
from tla.study.workspace import StudyStep, TrainedModel, Workspace

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
    workers: Workers | None = None,
) -> Store:
    """Run every step of a study that is not finished.

    Args:
        study: The study.
        folder: The study folder; created if missing.
        data_root: Folder of data sets; see `tla.data.data_root`.
        progress: Called with every change of progress.
        request: Fingerprint of the command, stored in the manifest once everything is finished.
        force: Run every step again (files stay until they are replaced).
        workers: Run independent steps on several processes; by default all in this one. What they compute is the same
            as in one process with as many threads as each of them has.

    Under `torchrun` the processes train together, one model after the other; the first one does everything else, the
    others exit after the last training.

    Returns:
        The finished study.

    Raises:
        ValueError: for a damaged manifest, a setting that does not fit the data, or weights that do not fit the study.
        OSError: without space or permission; finished steps are kept.
    """
    workspace = Workspace(study, Store(folder), data_root)
    request = request or digest(study)
    return run_steps(workspace, plan, progress=progress, request=request, force=force, workers=workers)


def run_steps(
    workspace: Workspace,
    make_plan: Callable[[Workspace], list[StudyStep]],
    *,
    progress: ProgressCallback | None = None,
    request: str = "",
    force: bool = False,
    notes: Mapping[str, Any] | None = None,
    workers: Workers | None = None,
) -> Store:
    """Run the steps of a plan that are not finished.

    Args:
        workspace: Of the run.
        make_plan: Gives the steps; called after the data were checked.
        progress: Called with every change of progress.
        request: Stored in the manifest once everything is finished.
        force: Run every step again.
        notes: More for the manifest.
        workers: See `run_study`; then `make_plan` must travel to them: a function of a module, or a partial one.

    Raises:
        ValueError: if the folder holds a packed study.
        FolderInUseError: if another process is running a study in the same folder.
    """
    store = workspace.store
    _refuse_pack(store)
    listing = workspace.study.source.listing(workspace.data_root)
    data.check(workspace)
    group = open_process_group()
    if group is not None and group.rank > 0:
        join_training(workspace, group)
        return store

    def begin() -> list[StudyStep]:
        steps = make_plan(workspace)  # a given network that is refused leaves no trace in the folder
        _note_run(workspace, notes or {}, workers)
        return steps

    def first(steps: list[StudyStep], runner: StepRunner) -> list[StudyStep]:
        if group is not None:
            return train_in_group(workspace, group, steps, runner.run)
        if workers is None:
            return steps
        return run_on_workers(workspace, make_plan, workers, steps, runner)

    return run_plan(store, begin, first=first, progress=progress, request=request, listing=listing, force=force)


def run_plan(
    store: Store,
    begin: Callable[[], list[StudyStep]],
    *,
    first: Callable[[list[StudyStep], StepRunner], list[StudyStep]] | None = None,
    progress: ProgressCallback | None = None,
    request: str = "",
    listing: str | None = "",
    force: bool = False,
) -> Store:
    """Run the steps of any plan that are not finished, holding the folder.

    Args:
        store: The study folder.
        begin: Writes down what is run, and gives the steps; the last one is the report.
        first: Runs some of the steps and returns the others; by default none.
        progress: Called with every change of progress.
        request: Stored in the manifest once everything is finished.
        listing: What the files of the data were before the run, see `Source.listing`; stored with the request.
        force: Run every step again.

    Raises:
        ValueError: if the folder holds a packed study.
        FolderInUseError: if another process is running a study in the same folder.
    """
    _refuse_pack(store)
    with held(store.path), only_new_garbage():
        remove_orphans(store.path)
        if force:
            for name in list(store.manifest()["steps"]):
                store.forget(name)
        steps = begin()
        there = [step.name for step in steps if store.recorded(step.name, step.digest)]
        reporter = ProgressReporter(store.path, {step.name: step.weight for step in steps}, progress, there)
        runner = StepRunner(store, reporter)
        rest = steps if first is None else first(steps, runner)
        for step in rest:
            if step is steps[-1]:  # the report, which shows every table in the folder
                _forget_removed_steps(store, steps)
            runner.run(step)
        store.note(complete=request, listing=listing)
    return store


def _refuse_pack(store: Store) -> None:
    if store.manifest().get("packed"):
        raise ValueError(
            f"{store.path} holds a packed study, without what it would take to go on, and its results would be lost; "
            "run the study in another folder: --out FOLDER"
        )


def _note_run(workspace: Workspace, notes: Mapping[str, Any], workers: Workers | None) -> None:
    """Write down what is being run, and on what, before the first step."""
    store, study, reasons = workspace.store, workspace.study, workspace.study.unfair()
    threads = intra_op_threads() if workers is None else workers.threads(len(workspace.models))
    store.note(
        complete=None,
        study=study_values(workspace.asked),
        fairness={"fair": not reasons, "reasons": reasons},
        short=study.short(),
        start=start.summary(workspace),
        **environment(store, workspace.device, threads),
        **{"sweep": None, "embeddings": None, **notes},
    )
    store.write_text("study.toml", _toml(workspace.asked))


def plan(workspace: Workspace) -> list[StudyStep]:
    """The steps of a study in order, each with its fingerprint."""
    models = workspace.models
    per_model: list[StudyStep] = []
    analyses: list[StudyStep] = []
    readied: dict[str, StudyStep] = {}
    for model in models:
        made = given if model.method in workspace.given else train
        ready = made.step(workspace, model).on_worker()
        readied[model.key] = ready
        attacked = attack.step(workspace, model, ready.digest).on_worker(ready)
        analysed = analyse.step(workspace, model, attacked.digest).on_worker(attacked)
        per_model += [ready, attacked, analysed]
        analyses.append(analysed)
        if workspace.study.analysis.audit:
            per_model.append(audit.step(workspace, model, attacked.digest).on_worker(attacked))
    weights = {key: step.digest for key, step in readied.items()}
    grown = radii.steps(workspace, models, [step.digest for step in analyses])
    per_model += [step.on_worker(*analyses) for step in grown]
    ranked = ranking.steps(workspace, models, weights)
    per_model += [step.on_worker(readied[step.name.partition("/")[2]]) for step in ranked]
    collected = collect.step(workspace, models, [step.digest for step in per_model]).last(*per_model)
    transfers = _transfers(workspace, models, readied)
    tables = digest([collected.digest, *(step.digest for step in transfers)]) if transfers else collected.digest
    return [
        data.step(workspace),
        *start.steps(workspace),
        *per_model,
        *transfers,
        collected,
        report.step(workspace, tables).last(collected),
    ]


def _transfers(workspace: Workspace, models: list[TrainedModel], readied: dict[str, StudyStep]) -> list[StudyStep]:
    """The models of each seed attack each other; the last step joins what was found."""
    steps = transfer.steps(workspace, models, {key: step.digest for key, step in readied.items()})
    if not steps:
        return []
    per_seed = [step.on_worker(*readied.values()) for step in steps[:-1]]
    return [*per_seed, steps[-1].last(*per_seed)]


def _forget_removed_steps(store: Store, steps: list[StudyStep]) -> None:
    """Remove steps that the study no longer has from the manifest; models stay on disk: they were expensive."""
    names = {step.name for step in steps}
    for name in store.manifest()["steps"]:
        if name not in names and not name.startswith("train/"):
            store.forget(name, tables=True)


def intra_op_threads() -> int:
    """Threads of each operation of torch in this process."""
    import torch

    return torch.get_num_threads()


def environment(store: Store, device: "torch.device", threads: int | None) -> dict[str, Any]:
    """The manifest's entries about versions and hardware.

    Args:
        store: The study folder.
        device: What computes.
        threads: Of each model; None if nobody here knows.
    """
    return {
        "versions": {"python": platform.python_version()} | versions(VERSIONED),
        "hardware": _hardware(store, device) | ({} if threads is None else {"threads": threads}),
    }


def _hardware(store: Store, device: "torch.device") -> dict[str, Any]:
    import torch

    name = torch.cuda.get_device_name(0) if device.type == "cuda" else _processor()
    return {
        "device": name,
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
