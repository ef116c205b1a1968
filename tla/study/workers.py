"""A study's steps on several workers: independent ones run side by side, each model on its share of the cores.

The coordinator alone writes the manifest: it hands out a step when the steps that it needs are finished, and writes
down what came back. Workers read and write the files of the study folder, which all of them must see.
"""

import contextlib
import importlib.util
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tla.devices import VARIABLE, choose_device
from tla.extras import require, versions
from tla.machine import cores, threads
from tla.memory import give_back
from tla.store import Store
from tla.study.config import Study
from tla.study.step_runner import StepDone, StepRunner, done_now
from tla.study.workspace import StudyStep, Workspace

TOPIC = "tla-progress"
GIB_EACH = 3.0
"""Memory that a worker is given, GiB: PyTorch, the data of a small study, and the activations of one model."""
ANSWER_S = 20.0
"""Seconds in which a scheduler must answer, and have a worker."""
PATIENCE_S = 0.3
"""Seconds between two reports of a worker."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where the steps of a study run.

    Args:
        count: Processes on this machine, >= 1; of a scheduler elsewhere, all its workers are used.
        scheduler: Address of a Dask scheduler, "tcp://10.0.0.5:8786"; empty for a cluster on this machine.

    Raises:
        ValueError: for a count below 1.
    """

    count: int = 1
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"workers must be >= 1, got {self.count}")

    def threads(self, models: int) -> int | None:
        """Threads of each model: its share of this machine's cores; None for a scheduler, whose workers have their own.

        It is the same whatever is finished already: a study that goes on computes what it would have at once.

        Args:
            models: How many the study has.
        """
        return None if self.scheduler else max(1, cores() // min(self.count, max(1, models)))


class Job(NamedTuple):
    """What a worker needs to know of a study; plain values, or values that travel.

    Attributes:
        study: As it was asked for.
        folder: The study folder, absolute.
        data_root: Folder of data sets.
        make_plan: Gives the steps of a workspace; a function of a module, or a partial one.
        threads: Of each model; None to leave them as the worker has them.
        devices: Names that workers take in turn, "cuda:0" and so on; none to choose as a single process does.
        run: Name of this run: what a worker keeps of another one is not used.
    """

    study: Study
    folder: str
    data_root: str | None
    make_plan: Callable[[Workspace], list[StudyStep]]
    threads: int | None
    devices: tuple[str, ...] = ()
    run: str = ""


def useful_workers(models: int) -> int:
    """How many workers pay on this machine: one for each model, core (or GPU) and 3 GiB of memory, the fewest of these.

    A second core brings a single small network a few per cent, and a second network nearly all of it.

    Args:
        models: How many are trained or given.
    """
    if importlib.util.find_spec("distributed") is None or models < 2:
        return 1
    import torch

    at_once = torch.cuda.device_count() if choose_device().type == "cuda" else cores()
    return max(1, min(models, at_once, int(free_gib() / GIB_EACH)))


def free_gib() -> float:
    """Memory that processes can still take, GiB."""
    import psutil

    return psutil.virtual_memory().available / 2**30


def run_on_workers(
    workspace: Workspace,
    make_plan: Callable[[Workspace], list[StudyStep]],
    workers: Workers,
    steps: list[StudyStep],
    runner: StepRunner,
) -> list[StudyStep]:
    """Run every step that a worker can run, as soon as the steps that it needs are finished.

    Args:
        workspace: Of the run.
        make_plan: As the workers must make it again.
        workers: Where.
        steps: All steps, in order.
        runner: Runs or skips a step in this process, and writes down what a worker did.

    Returns:
        The steps that are left for this process.

    Raises:
        ConnectionError: if the scheduler does not answer, or has no workers.
        ValueError: for workers of another version, or that do not see the study folder.
        RuntimeError: if a worker was killed again and again; finished steps are kept.
    """
    store = workspace.store
    here = [step for step in steps if not step.apart and not step.after]
    there = [step for step in steps if step.apart and store.finished(step.name, step.digest)]
    for step in (*here, *there):  # those there are skipped, and it says so
        runner.run(step)
    done = {step.name for step in (*here, *there)}
    waiting = [step for step in steps if step.apart and step.name not in done]
    if waiting:
        job = Job(
            workspace.asked,
            str(store.path.resolve()),
            str(workspace.data_root) if workspace.data_root else None,
            make_plan,
            workers.threads(len(workspace.models)),
            () if workers.scheduler else _gpus(workspace),
            uuid.uuid4().hex,
        )
        at_once = len({step.name.partition("/")[2] for step in waiting})
        with _cluster(workers.scheduler, min(workers.count, at_once), job.threads or 1) as client:
            _check(client, job.folder)
            _hand_out(client, job, waiting, done, runner)
    return [step for step in steps if not step.apart and step.name not in done]


def _hand_out(client: Any, job: Job, waiting: list[StudyStep], done: set[str], runner: StepRunner) -> None:
    """Submit the steps whose needs are done, and again whenever one has come back; `done` grows."""
    from distributed import as_completed

    left, reasons = list(waiting), {step.name: runner.why_again(step) for step in waiting}
    heaviness = _heaviness(waiting)
    futures: dict[str, StudyStep] = {}
    running = as_completed()

    def submit_ready() -> None:
        for step in [one for one in left if set(one.after) <= done]:
            left.remove(step)
            key = f"{step.name}-{job.run}"
            futures[key] = step
            running.add(client.submit(run_step, job, step.name, step.digest, key=key, priority=heaviness[step.name]))

    def heard(event: tuple[float, dict[str, Any]]) -> None:
        said = event[1]
        if said["run"] == job.run:
            runner.reporter.report(said["name"], "running", said["share"], said["message"], resumed=said["resumed"])

    client.subscribe_topic(TOPIC, heard)
    submit_ready()
    for future in running:
        step, error = futures[future.key], future.exception()
        if error is not None:
            runner.fail(step, error)
            raise _named(step, error)
        runner.finish(step, future.result(), reasons[step.name])
        done.add(step.name)
        submit_ready()


def _heaviness(steps: list[StudyStep]) -> dict[str, float]:
    """By step, the weight of the heaviest chain that begins with it: the longest way is begun first."""
    found: dict[str, float] = {}
    for step in reversed(steps):
        after = [found[other.name] for other in steps if step.name in other.after and other.name in found]
        found[step.name] = step.weight + max(after, default=0.0)
    return found


def _named(step: StudyStep, error: BaseException) -> BaseException:
    """The error as a user should read it."""
    if type(error).__name__ != "KilledWorker":
        return error
    return RuntimeError(
        f"{step.name}: the worker that ran it ended again and again, most likely for lack of memory; finished steps "
        "are kept. Run the same command with fewer --workers, or a smaller batch"
    )


def run_step(job: Job, name: str, digest: str) -> StepDone:
    """Run one step of a study; called on a worker.

    Args:
        job: The study.
        name: Of the step.
        digest: Fingerprint that the coordinator found for it.

    Raises:
        ValueError: if the worker finds another fingerprint: its data or files are not the coordinator's.
    """
    from distributed import get_worker

    worker = get_worker()
    if job.devices:  # workers of this machine are numbered
        os.environ[VARIABLE] = job.devices[int(worker.name) % len(job.devices)]
    workspace = _workspace(job)
    step = next(one for one in job.make_plan(workspace) if one.name == name)
    if step.digest != digest:
        raise ValueError(
            f"{name}: worker {worker.name} sees other data or settings than the coordinator; give all of them the same "
            "files and the same version of tla"
        )
    last = [0.0]

    def report(share: float, message: str, *, resumed: bool = False) -> None:
        now = time.monotonic()
        if resumed or now - last[0] > PATIENCE_S:
            last[0] = now
            said = {"run": job.run, "name": name, "share": float(share), "message": message, "resumed": resumed}
            worker.log_event(TOPIC, said)

    report(0.0, "")
    with threads(job.threads):
        done = done_now(step, report)
    give_back()
    return done


_workspaces: dict[str, Workspace] = {}
_one_at_a_time = threading.Lock()


def _workspace(job: Job) -> Workspace:
    """The workspace of a run; the last one is kept, with its data and models."""
    with _one_at_a_time:
        if job.run not in _workspaces:
            _workspaces.clear()
            root = Path(job.data_root) if job.data_root else None
            _workspaces[job.run] = Workspace(job.study, Store(Path(job.folder)), root)
        return _workspaces[job.run]


def _facts(folder: str) -> dict[str, Any]:
    """What must be the same on every worker, and whether it sees the study folder."""
    return {"versions": versions(("tla", "torch", "numpy")), "sees": (Path(folder) / "manifest.json").is_file()}


def _check(client: Any, folder: str) -> None:
    """Refuse workers of another version, and those that do not see the study folder."""
    own = _facts(folder)
    for address, facts in client.run(_facts, folder).items():
        for name, version in own["versions"].items():
            other = facts["versions"].get(name)
            if other != version:
                raise ValueError(f"worker {address} has {name} {other}, this process {version}; install the same")
        if not facts["sees"]:
            raise ValueError(
                f"worker {address} does not see the study folder {folder}: put it on a disk that all of them share"
            )


def _gpus(workspace: Workspace) -> tuple[str, ...]:
    import torch

    if workspace.device.type != "cuda" or workspace.device.index is not None:
        return ()
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))


@contextlib.contextmanager
def _cluster(scheduler: str, count: int, each: int) -> Iterator[Any]:
    """A client of a scheduler; without its address, of workers on this machine, which end with the block.

    Args:
        scheduler: Its address.
        count: How many workers on this machine.
        each: Threads of each.
    """
    require("distributed", "several workers")
    import dask.config
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    settings = {
        "distributed.comm.timeouts.connect": f"{ANSWER_S:.0f}s",
        "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": each,
    }
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        where: Any = scheduler or stack.enter_context(
            LocalCluster(
                n_workers=count, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0",
                memory_limit=0, silence_logs=logging.CRITICAL,
            )
        )  # fmt: skip
        try:
            client = stack.enter_context(Client(where, timeout=ANSWER_S))
            client.wait_for_workers(1, timeout=ANSWER_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise ConnectionError(
                f"no scheduler with a worker answered at {scheduler or 'this machine'} within {ANSWER_S:.0f} s "
                f"({type(error).__name__}); start `dask scheduler` and `dask worker`, or leave --scheduler out"
            ) from None
        yield client
