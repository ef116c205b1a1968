"""Asks of every model of the study whether its robustness figure is to be believed."""

from tla.config import digest
from tla.study.collect import write_part
from tla.study.workspace import StudyStep, Tell, Trained, Workspace, Written


def step(workspace: Workspace, trained: Trained, attacked: str) -> StudyStep:
    """The quick audit of one model, and of the adversarial images that its evaluation left behind.

    Args:
        workspace: Of the run.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    return StudyStep(
        f"audit/{trained.key}", digest([attacked, "quick"]), 1.0, lambda tell: _run(workspace, trained, tell)
    )


def _run(workspace: Workspace, trained: Trained, tell: Tell) -> Written:
    from tla.audit import run_audit
    from tla.study.attack import key

    plan, queries = workspace.study.attack, workspace.queries
    claimed = workspace.store.table(f"parts/attacks/{trained.key}")
    main = claimed[(claimed.attack == plan.main) & ((claimed.eps - plan.eps).abs() < 1e-6)].set_index("id")
    success = main.success.loc[queries.ids.numpy()].to_numpy(copy=True)
    images = workspace.store.arrays(f"adversarial/{trained.key}")[key(plan.main, plan.eps)]
    report = run_audit(
        workspace.model(trained),
        queries.floats().to(workspace.device),
        queries.labels.to(workspace.device),
        plan.threat,
        attack=plan.suite[plan.main],
        stored={plan.main: (images, success)},
        seed=workspace.seed(trained, "audit"),
        ids=queries.ids,
        progress=lambda news: tell(news.done / news.total, news.check),
    )
    part = write_part(workspace.store, "audit", trained, report.frame())
    counts = {word: sum(verdict.verdict == word for verdict in report.verdicts) for word in ("OK", "WARN", "FAIL")}
    return Written([part], ", ".join(f"{count} {word}" for word, count in counts.items() if count))
