"""`tla attack` and `tla audit`, on a model of a study, a shipped one and your own."""

from xml.etree import ElementTree

import pandas as pd
import pytest

from tla.attacks import PGD, Ensemble, evaluate
from tla.cli import main
from tla.data import load_source
from tla.study.locate import shipped_studies
from tla.threat import Threat
from tla.weights import load

AT = f"{shipped_studies() / 'digits'}:at"


def digits_images(n):
    test = load_source("digits").load().test
    return test.pixels[:n], test.labels[:n]


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    (tmp_path / "mymodel.py").write_text(
        "from torch import nn\n"
        "def logits():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))\n"
        "def softmax():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_attack_a_model_of_a_study(tmp_path, capsys):
    words = [
        "attack",
        AT,
        "--attacks",
        "fgsm",
        "pgd",
        "--set",
        "pgd.steps=3",
        "--examples",
        "40",
        "--out",
        str(tmp_path),
    ]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "worst case" in shown
    frame = pd.read_parquet(tmp_path / "attacks.parquet")
    assert set(frame.attack) == {"clean", "fgsm", "pgd"}
    assert len(frame) == 120


def test_the_same_command_again_attacks_nothing(tmp_path, capsys, monkeypatch):
    """Hours of AutoAttack were once repeated because the finished parts had been removed."""
    words = ["attack", AT, "--attacks", "pgd", "--set", "pgd.steps=3", "--examples", "20", "--out", str(tmp_path)]
    assert main(words) == 0
    shown, before = capsys.readouterr().out, pd.read_parquet(tmp_path / "attacks.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(PGD, "__call__", lambda *_, **__: pytest.fail("attacked again"))
        assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == shown.splitlines()[-1]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "attacks.parquet"), before)


def test_the_ensemble_is_the_default(tmp_path, capsys):
    assert main(["attack", "digits/at", "--eps", "0.15", "--examples", "40", "--out", str(tmp_path)]) == 0
    frame = pd.read_parquet(tmp_path / "attacks.parquet")
    assert list(dict.fromkeys(frame.attack)) == ["clean", "ensemble"]
    by_hand = evaluate(
        load("digits/at"), *digits_images(40), {"ensemble": Ensemble()}, Threat("linf", 0.15), precision="auto"
    )
    assert frame.success.tolist() == by_hand.success.tolist()


def test_results_of_other_settings_are_not_replaced(tmp_path, capsys):
    words = ["attack", AT, "--attacks", "fgsm", "--examples", "10", "--out", str(tmp_path)]
    assert main([*words, "--eps", "0.1"]) == 0
    assert main([*words, "--eps", "0.1"]) == 0, "the same command again is fine"
    before = (tmp_path / "attacks.parquet").read_bytes()
    assert main([*words, "--eps", "0.2"]) == 1
    message = capsys.readouterr().err
    assert f"{tmp_path} holds results of other settings (eps [0.1] there, [0.2] now)" in message.replace("\n", " ")
    assert "choose another --out, or delete it" in message.replace("\n", " ")
    (tmp_path / "settings.json").unlink()
    assert main([*words, "--eps", "0.1"]) == 1
    assert "it does not say which" in capsys.readouterr().err
    assert (tmp_path / "attacks.parquet").read_bytes() == before


def test_the_suite_of_a_study_has_a_name(tmp_path, capsys):
    assert main(["attack", AT, "--attacks", "suite", "--examples", "10", "--out", str(tmp_path)]) == 0
    frame = pd.read_parquet(tmp_path / "attacks.parquet")
    assert set(frame.attack) == {"clean", "fgsm", "bim", "cw", "pgd", "20xpgd", "mim", "ensemble"}


def test_a_torchvision_model_by_name_on_noise(tmp_path, capsys):
    words = ["attack", "torchvision:resnet18", "--data", "random:3x32x32", "--eps", "0.01", "--examples", "6"]
    assert main([*words, "--attacks", "fgsm", "--out", str(tmp_path)]) == 0
    frame = pd.read_parquet(tmp_path / "attacks.parquet")
    assert not frame[frame.attack == "clean"].success.any()
    assert len(frame[frame.attack == "fgsm"]) == 6


def test_two_radii_and_images(tmp_path, capsys):
    words = ["attack", AT, "--attacks", "fgsm", "--eps", "0.05", "0.1", "--examples", "20", "--images"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert sorted(file.name for file in (tmp_path / "arrays").iterdir()) == [
        "adversarial-0.05.safetensors",
        "adversarial-0.1.safetensors",
    ]


def test_attack_your_own_model(own_model, capsys):
    words = ["attack", "mymodel:logits", "--data", "digits", "--eps", "0.1", "--attacks", "fgsm", "--examples", "20"]
    assert main([*words, "--out", "here"]) == 0
    assert "fgsm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["attack", "digits:att-seed0"], "has no model 'att-seed0'; did you mean 'at-seed0'?"),
        (["attack", AT, "--attacks", "pdg"], "unknown attack 'pdg'; did you mean 'pgd'?"),
        (["attack", AT, "--attacks", "pgd", "--set", "pgd.stpes=3"], "did you mean 'steps'?"),
        (["attack", AT, "--attacks", "pgd", "--set", "steps=3"], "--set takes attack.setting=value"),
        (["attack", AT, "--attacks", "pgd", "--set", "cw.steps=3"], "--set names cw, but --attacks only pgd"),
        (["attack", AT, "--eps", "8"], "eps must be <= 1, the whole box in linf, got 8; eps is in units of pixels"),
        (["attack", AT, "--weights", "DEFAULT"], "--weights are for networks from elsewhere; "),
        (["attack", AT, "--data", "random:3x3"], "as in random:3x64x64; got 'random:3x3'"),
        (["attack", AT, "--eps", "-1"], "eps must be >= 0"),
        (["attack", AT, "--examples", "0"], "--examples must be >= 1, got 0"),
        (["attack", "missing.safetensors"], "there is no checkpoint missing.safetensors"),
        (["attack", "missing.pt", "--data", "digits"], "no file missing.pt"),
        (["attack", "missing.onnx", "--data", "digits"], "no file missing.onnx"),
        (["attack", "missing.pth@net:Net", "--data", "digits"], "no file missing.pth"),
        (["audit", "./missing", "--data", "digits"], "no model ./missing; files end in .onnx, "),
        (["attack", "digits/at", "--data", "./missing"], "no file or folder ./missing; Known: "),
        (["attack", "digits/at", "--data", "mnsit"], "did you mean 'mnist'?"),
        (["audit", "nothing/there"], "unknown weights 'nothing/there'"),
    ],
)
def test_bad_arguments_are_rejected(words, text, capsys):
    assert main(words) == 1
    assert text in capsys.readouterr().err


def test_a_model_that_does_not_say_what_it_was_trained_on(own_model, capsys):
    assert main(["attack", "mymodel:logits", "--eps", "0.1"]) == 1
    assert "name a data set with --data" in capsys.readouterr().err
    assert main(["attack", "mymodel:logits", "--data", "digits"]) == 1
    assert "name one with --eps" in capsys.readouterr().err
    assert main(["attack", "mymodel:logits", "--data", "digits", "--eps", "0.1", "--attacks", "suite"]) == 1
    assert "belongs to no study with a suite of attacks: name some, --attacks pgd cw" in capsys.readouterr().err


def test_audit_of_a_sound_model(tmp_path, capsys):
    assert main(["audit", AT, "--examples", "60", "--out", str(tmp_path / "verdicts.parquet")]) == 0
    assert "audit: OK" in capsys.readouterr().out
    frame = pd.read_parquet(tmp_path / "verdicts.parquet")
    assert set(frame.verdict) <= {"OK", "WARN", "NOT RUN"}


def cases_of(file):
    """The suites of a JUnit file: attributes, and what each case ended with."""
    root = ElementTree.parse(file).getroot()
    return [(suite.attrib, {case.get("name"): case[0].tag for case in suite}) for suite in root]


def test_a_strict_audit_writes_what_a_ci_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status = main(["audit", AT, "--examples", "60", "--strict"])
    assert str(tmp_path / "audit.xml") in capsys.readouterr().out
    [(suite, cases)] = cases_of(tmp_path / "audit.xml")
    assert suite["name"] == AT
    assert int(suite["tests"]) == len(cases)
    assert int(suite["failures"]) == sum(end == "failure" for end in cases.values())
    assert int(suite["skipped"]) == sum(end == "skipped" for end in cases.values())
    assert status == (3 if int(suite["failures"]) else 0)


def test_a_failing_audit_says_so_last_and_in_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["audit", AT, "--attack", "fgsm", "--examples", "100", "--junit", "a/b.xml"]) == 3
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == f"Not to be believed as it is: {AT}: FAIL"
    [(suite, cases)] = cases_of("a/b.xml")
    assert int(suite["failures"]) == list(cases.values()).count("failure") >= 1


@pytest.mark.parametrize(("word", "status", "ends"), [("WARN", 3, "failure"), ("NOT RUN", 3, "failure")])
def test_strict_lets_no_doubt_pass(word, status, ends, tmp_path):
    from rich.console import Console

    from tla.audit import AuditReport, AuditSummary, Verdict
    from tla.cli.audit_verb import AuditOptions, _end
    from tla.cli.model import ModelOptions

    summary = AuditSummary(
        n=1, norm="linf", eps=0.1, attack="pgd", steps=1, step_size=None, restarts=1, seed=0, level="quick",
        seconds=0.1, queries=None, device="cpu", versions={}, not_run=(),
    )  # fmt: skip
    report = AuditReport(
        verdicts=(Verdict(check="ball", number=5, verdict=word, evidence="a\x00 < b"),), summary=summary
    )
    file = tmp_path / "audit.xml"
    strict = AuditOptions(given=ModelOptions(load="m"), strict=True, junit=file)
    assert _end(strict, {"m": report}, Console(quiet=True)) == status
    assert ends in cases_of(file)[0][1].values()
    assert _end(AuditOptions(given=ModelOptions(load="m")), {"m": report}, Console(quiet=True)) == 0


def test_audit_of_probabilities_fails(own_model, capsys):
    words = ["audit", "mymodel:softmax", "--data", "digits", "--eps", "0.1", "--examples", "40"]
    assert main(words) in (1, 3)
    shown = capsys.readouterr()
    assert "probabilities" in shown.out + shown.err
