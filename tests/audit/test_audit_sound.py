"""A sound evaluation trips nothing."""

from dataclasses import replace

import pytest

from tla.audit import plain, run_audit


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sound_model_trips_no_quick_check(sound, digits, threat, seed):
    report = run_audit(sound, digits.x, digits.y, threat, seed=seed)
    assert [verdict.check for verdict in report.verdicts if verdict.tripped] == [], plain(report)
    assert all(verdict.verdict == "OK" for verdict in report.verdicts), plain(report)
    assert report.overall == "OK"


@pytest.mark.more
def test_a_sound_model_trips_no_standard_check(sound, natural, digits, threat):
    report = run_audit(sound, digits.x, digits.y, threat, level="standard", sources={"natural": natural}, n=120)
    assert [verdict.check for verdict in report.verdicts if verdict.tripped] == [], plain(report)


def test_a_model_without_defence_trips_nothing_either(natural, digits, threat):
    report = run_audit(natural, digits.x, digits.y, replace(threat, eps=0.2))
    assert [verdict.check for verdict in report.verdicts if verdict.tripped] == [], plain(report)
    assert report.summary.robust is not None
    assert report.summary.robust.value < 0.2
