"""The report: table, text, summary; levels and rules."""

import io
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console

from tla.attacks import PGD
from tla.audit import CHECKS, LEVELS, AuditReport, plain, rendered, run_audit
from tla.audit.base import Verdict, checks_of, worst
from tla.audit.compare import compare, equal_rule, weaker_rule
from tla.store import Store

DOCS = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


@pytest.fixture(scope="module")
def report(sound, digits) -> AuditReport:
    from tla.threat import Threat

    return run_audit(sound, digits.x, digits.y, Threat("linf", 0.1), attack=PGD(steps=3, step_size=0.003), n=60)


def test_the_frame_is_the_audit_table_and_survives_the_store(report, tmp_path):
    frame = report.frame()
    assert list(frame.columns) == ["check", "number", "verdict", "evidence", "advice", "ids"]
    assert frame.number.tolist() == [check.number for check in checks_of("quick")]
    store = Store(tmp_path)
    store.write_table("audit", frame)
    back = store.table("audit")
    pd.testing.assert_frame_equal(back.drop(columns="ids"), frame.drop(columns="ids"), check_dtype=False)
    assert [list(ids) for ids in back.ids] == [list(ids) for ids in frame.ids]
    assert any(len(ids) for ids in frame.ids)


def test_text_and_table_show_everything(report):
    text = plain(report)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(rendered(report))
    shown = console.export_text()
    for part in ("audit: FAIL", "incomplete", "iterative_beats_single", "60 images, linf eps 0.1", "minimum over"):
        assert part in text
        assert part in shown
    for verdict in report.verdicts:
        assert verdict.evidence in text
    assert "not run: doubling" in text
    assert "steps 3, step size 0.003, restarts 1" in text
    assert re.search(r"versions: python 3\.\d+", text)


def test_the_minimum_is_the_mean_over_images_of_the_minimum_over_attacks(report):
    summary = report.summary
    assert summary.n == 60
    assert summary.minimum.value <= summary.robust.value <= summary.clean.value
    assert summary.minimum.low <= summary.minimum.value <= summary.minimum.high
    assert summary.attacks[0] == "pgd"
    assert "fgsm" in summary.attacks
    assert not any("at 2 eps" in name for name in summary.attacks)


def test_a_missing_check_is_named(report):
    with pytest.raises(KeyError, match="no check 'doubling' in this audit; it has: eval_mode"):
        report["doubling"]


def test_progress_counts_checks(natural, digits, threat):
    seen = []
    run_audit(natural, digits.x[:10], digits.y[:10], threat, progress=seen.append)
    total = len(checks_of("quick"))
    assert [progress.done for progress in seen] == list(range(total + 1))
    assert seen[0].check == "eval_mode"
    assert {progress.total for progress in seen} == {total}


def test_images_are_drawn_by_the_seed_and_named_by_their_ids(sound, digits, threat):
    weak = PGD(steps=1, step_size=1e-4)
    reports = [run_audit(sound, digits.x, digits.y, threat, attack=weak, seed=seed, n=60) for seed in (0, 0, 1)]
    ids = [report["iterative_beats_single"].ids for report in reports]
    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    moved = run_audit(sound, digits.x, digits.y, threat, attack=weak, n=60, ids=1000 + 2 * torch.arange(500))
    assert moved["iterative_beats_single"].ids == tuple(1000 + 2 * number for number in ids[0])


def test_quick_costs_about_one_run(sound, digits, threat):
    """Passes of the whole quick audit over those of the attack alone; one with a gradient counts three times."""
    calls = []
    weigh = lambda module, given, outputs: calls.append(len(given[0]) * (3 if torch.is_grad_enabled() else 1))  # noqa: E731
    handle = sound.register_forward_hook(weigh)
    try:
        report = run_audit(sound, digits.x, digits.y, threat)
    finally:
        handle.remove()
    assert sum(calls) / 200 <= 1.8 * 3 * report.summary.queries


@pytest.mark.parametrize("name", CHECKS.names())
def test_every_check_is_in_the_docs(name):
    row = f"| {CHECKS.get(name).number} | `{name}` |"
    assert row in DOCS.read_text(), f"{name} is missing from docs/audit.md: add a row that starts with {row}"


def test_numbers_are_unique_and_levels_are_nested():
    numbers = [CHECKS.get(name).number for name in CHECKS.names()]
    assert len(set(numbers)) == len(numbers)
    quick, standard, long = (checks_of(level) for level in LEVELS)
    assert len(quick) < len(standard) < len(long) == len(numbers)
    assert quick == standard[: len(quick)]
    assert standard == long[: len(standard)]
    for part in (quick, standard[len(quick) :], long[len(standard) :]):
        assert [check.number for check in part] == sorted(check.number for check in part)


def test_the_worst_word_wins():
    assert worst(["OK", "WARN", "NOT RUN"]) == "WARN"
    assert worst(["OK", "FAIL", "WARN"]) == "FAIL"
    assert worst(["NOT RUN"]) == worst([]) == "NOT RUN"
    assert not Verdict(check="a", number=1, verdict="NOT RUN", evidence="").tripped


def test_rules_of_a_comparison():
    def masks(only_first, only_second, both, n=200):
        first, second = torch.zeros(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
        first[: only_first + both] = True
        second[only_first : only_first + both + only_second] = True
        return compare(first, second)

    few = masks(5, 0, 50)
    assert (few.gained, few.lost) == (5, 0)
    assert equal_rule(few) == weaker_rule(few) == "OK"
    many = masks(7, 0, 50)
    assert equal_rule(many) == weaker_rule(many) == "FAIL"
    traded = masks(8, 6, 50)
    assert equal_rule(traded) == "WARN"
    assert weaker_rule(traded) == "FAIL"
    assert equal_rule(many, tests=3) == "WARN"
