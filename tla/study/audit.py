"""Audits every model of the study: can its robustness figure be trusted?"""

from tla.config import digest
from tla.study import costs
from tla.study.collect import write_model_rows
from tla.study.workspace import Report, StepResult, StudyStep, TrainedModel, Workspace


def step(workspace: Workspace, trained: TrainedModel, attacked: str) -> StudyStep:
    """The quick audit of one model and of the adversarial images that its evaluation stored.

    Args:
        workspace: Of the run.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    inputs, cost = [attacked, "quick"], costs.per_query(workspace, costs.AUDIT)
    return StudyStep(f"audit/{trained.key}", digest(inputs), cost, lambda report: _run(workspace, trained, report))


def _run(workspace: Workspace, trained: TrainedModel, report: Report) -> StepResult:
    from tla.audit import run_audit
    from tla.audit.run import IMAGES
    from tla.study.attack import array_name

    plan, queries = workspace.study.attack, workspace.queries
    claimed = workspace.store.table(f"parts/attacks/{trained.key}")
    main = claimed[(claimed.attack == plan.main) & ((claimed.eps - plan.eps).abs() < 1e-6)].set_index("id")
    success = main.success.loc[queries.ids.numpy()].to_numpy(copy=True)
    images = workspace.store.arrays(f"adversarial/{trained.key}")[array_name(plan.main, plan.eps)]
    audit = run_audit(
        workspace.model(trained),
        queries.pixels.to(workspace.device),
        queries.labels.to(workspace.device),
        plan.threat,
        attack=plan.suite[plan.main],
        stored={plan.main: (images, success)},
        seed=workspace.seed(trained, "audit"),
        n=workspace.few(IMAGES, 3.0),
        ids=queries.ids,
        batch=workspace.at_most(256),
        progress=lambda now: report(now.share, now.check),
    )
    rows = write_model_rows(workspace.store, "audit", trained, audit.frame())
    counts = {word: sum(verdict.verdict == word for verdict in audit.verdicts) for word in ("OK", "WARN", "FAIL")}
    return StepResult([rows], ", ".join(f"{count} {word}" for word, count in counts.items() if count))
