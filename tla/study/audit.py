"""Asks of every model of the study whether its robustness figure is to be believed."""

from tla.config import digest
from tla.study.bench import Bench, Step, Tell, Trained, Written
from tla.study.collect import write_part


def step(bench: Bench, trained: Trained, attacked: str) -> Step:
    """The quick audit of one model, and of the adversarial images that its evaluation left behind.

    Args:
        bench: The work bench.
        trained: Which model.
        attacked: Fingerprint of its attacks.
    """
    return Step(f"audit/{trained.key}", digest([attacked, "quick"]), 1.0, lambda tell: _run(bench, trained, tell))


def _run(bench: Bench, trained: Trained, tell: Tell) -> Written:
    from tla.audit import run_audit
    from tla.study.attack import key

    plan, queries = bench.study.attack, bench.queries
    claimed = bench.store.table(f"parts/attacks/{trained.key}")
    main = claimed[(claimed.attack == plan.main) & ((claimed.eps - plan.eps).abs() < 1e-6)].set_index("id")
    success = main.success.loc[queries.ids.numpy()].to_numpy(copy=True)
    images = bench.store.arrays(f"adversarial/{trained.key}")[key(plan.main, plan.eps)]
    report = run_audit(
        bench.model(trained),
        queries.floats().to(bench.device),
        queries.labels.to(bench.device),
        plan.threat,
        attack=plan.suite[plan.main],
        stored={plan.main: (images, success)},
        seed=bench.seed(trained, "audit"),
        ids=queries.ids,
        progress=lambda news: tell(news.done / news.total, news.check),
    )
    part = write_part(bench.store, "audit", trained, report.frame())
    counts = {word: sum(verdict.verdict == word for verdict in report.verdicts) for word in ("OK", "WARN", "FAIL")}
    return Written([part], ", ".join(f"{count} {word}" for word, count in counts.items() if count))
