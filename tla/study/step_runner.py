"""Runs one step of a study, and writes down what was done here or on a worker."""

import time
from typing import NamedTuple

from tla.memory import give_back, peak_memory
from tla.store import Store
from tla.study.progress import ProgressReporter
from tla.study.workspace import Report, StepResult, StudyStep


class StepDone(NamedTuple):
    """What came of a step: its result, seconds, and the largest resident memory of its process so far in GiB."""

    result: StepResult
    seconds: float
    peak_gib: float


def done_now(step: StudyStep, report: Report) -> StepDone:
    """Do the work of a step in this process.

    Args:
        step: The step.
        report: Is told how far it is.
    """
    started = time.perf_counter()
    result = step.run(report)
    return StepDone(result, time.perf_counter() - started, peak_memory())


class StepRunner(NamedTuple):
    """Runs steps in this process, and writes down what was done here or elsewhere.

    Attributes:
        store: The study folder.
        reporter: Shows progress.
    """

    store: Store
    reporter: ProgressReporter

    def run(self, step: StudyStep) -> None:
        """Run a step, unless it is finished."""
        if self.store.finished(step.name, step.digest):
            self.reporter.report(step.name, "skipped", message="already there")
            return
        reason = self.why_again(step)
        self.reporter.report(step.name, "running", message=reason)

        def report(share: float, message: str, *, resumed: bool = False) -> None:
            self.reporter.report(step.name, "running", share, message, resumed=resumed)

        try:
            done = done_now(step, report)
        except BaseException as error:
            self.fail(step, error)
            raise
        self.finish(step, done, reason)
        give_back()

    def why_again(self, step: StudyStep) -> str:
        """Why a step that was finished with the same inputs has to be repeated; empty for any other."""
        entry = self.store.manifest()["steps"].get(step.name)
        changed = self.store.changed(step.name) if entry is not None and entry["digest"] == step.digest else ()
        return f"repeated: {changed[0]} is not the file that was written" if changed else ""

    def finish(self, step: StudyStep, done: StepDone, reason: str = "") -> None:
        """Write down what a step did.

        Args:
            step: The step.
            done: What came of it.
            reason: Why it was run again, from `why_again` before it ran.
        """
        facts = done.result.facts
        seconds = max(done.seconds, facts.get("seconds", 0.0))
        facts = facts | {"seconds": round(seconds, 2), "peak_memory_gib": done.peak_gib}
        self.store.finish(step.name, step.digest, done.result.files, facts)
        words = f"{done.result.message} ({seconds:.1f} s)".strip()
        self.reporter.report(step.name, "done", message="; ".join(filter(None, (words, reason))))

    def fail(self, step: StudyStep, error: BaseException) -> None:
        """Say that a step failed, and why."""
        self.reporter.report(step.name, "failed", message=str(error)[:200] or type(error).__name__)
