import json
import subprocess
import sys
import warnings

import pytest

from tla.cli import VERBS, main
from tla.cli.settings import overridden
from tla.cli.words import with_quotients
from tla.study import recipes, study_from


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


def test_unknown_verb_gets_a_hint(capsys):
    assert main(["studdy"]) == 2
    assert "did you mean 'study'?" in capsys.readouterr().err


def test_weights_are_listed_with_their_accuracy(capsys):
    assert main(["list", "weights"]) == 0
    lines = {
        line.split()[0]: line.split(maxsplit=1)[-1].strip() for line in capsys.readouterr().out.splitlines() if line
    }
    assert lines["cifar10/at"] == "clean 69.2 %, attacked 38.9 % (linf 8/255), n = 1,000"
    assert lines["digits/natural"] == "clean 96.2 %, attacked 6.4 % (linf 0.15), n = 500"


@pytest.mark.parametrize("verb", ["study", "report", "list", "app", "figure", "attack", "audit", "explore", "export"])
def test_every_verb_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"tla {verb}" in shown
    assert "Args:" not in shown


def test_unknown_recipe_gets_a_hint(capsys):
    assert main(["study", "digit"]) == 1
    assert "unknown recipe 'digit'; did you mean 'digits'?" in capsys.readouterr().err


def test_quotients_are_numbers_but_names_of_files_are_not():
    words = [
        "eval",
        "1/2",
        "--eps",
        "8/255",
        "4/255",
        "--attack.eps=0.5/2",
        "--out",
        "3/4",
        "--set",
        "pgd.step_size=2/255",
    ]
    assert with_quotients(words) == [
        "eval", "1/2", "--eps", str(8 / 255), str(4 / 255), "--attack.eps=0.25", "--out", "3/4", "--set",
        "pgd.step_size=2/255",
    ]  # fmt: skip


def test_a_recipe_takes_radii_and_steps_as_quotients_and_shares():
    study = overridden(
        study_from(recipes.read("digits")),
        with_quotients([
            "--attack.eps", "8/255", "--attack.detection-eps", "8/255", "16/255", "--train.attack.step-size", "eps/2",
            "--attack.suite.pgd.step-size", "2/255",
        ]),
    )  # fmt: skip
    assert (study.attack.eps, study.attack.detection_eps) == (8 / 255, (8 / 255, 16 / 255))
    assert study.train.attack.step_size == "eps/2"
    assert study.attack.suite["pgd"].step_size == 2 / 255
    assert study.resolved().attack.suite["bim"].step_size == pytest.approx(0.8 / 255)


def test_a_short_attack_is_warned_of_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["attack", "digits/at", "--eps", "8/255", "--attacks", "pgd", "--examples", "4", "--set", "pgd.steps=2"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main([*words, "pgd.step_size=2/255"]) == 0
        assert "tla attack: warning: pgd: pgd: 2 steps of 0.007843 cover 0.01569" in capsys.readouterr().err
        assert main([*words, "pgd.step_size=eps/2"]) == 0
        assert "warning" not in capsys.readouterr().err


def test_an_unknown_study_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "nothing"]) == 1
    assert "there is no study 'nothing'" in capsys.readouterr().err


def test_help_needs_neither_torch_nor_pandas():
    code = (
        "import sys; from tla.cli import main; main(['--help']); sys.exit(len({'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_a_figure_takes_its_width_and_its_own_options(tmp_path, capsys):
    file = tmp_path / "way.json"
    words = ["figure", "trajectory", "digits", "--out", str(file), "--width", "700", "--dark"]
    assert main([*words, "--set", "methods=at", "image=25"]) == 0
    assert str(file) in capsys.readouterr().out
    values = json.loads(file.read_text())
    assert "Test image 25" in values["layout"]["title"]["text"]
    assert [note["text"] for note in values["layout"]["annotations"] if "TLA" in note["text"]] == []
    for wrong, text in (
        (["--set", "methods"], "--set takes option=value, as in image=25; got 'methods'"),
        (["--set", "imag=25"], "figure 'trajectory' has no option 'imag'; it has: image, methods, seed"),
        (["--width", "20"], "--width must be >= 100 pixels, got 20"),
    ):
        assert main([*words[:5], *wrong]) == 1
        assert text in capsys.readouterr().err


def test_one_name_is_a_list_where_a_figure_takes_several(tmp_path):
    for word, bars in (("attacks=cw", ["C&amp;W"]), ("attacks=cw,pgd", ["C&amp;W", "PGD"])):
        file = tmp_path / "bars.json"
        assert main(["figure", "ablation", "digits-pool", "--out", str(file), "--set", word]) == 0
        assert [trace["name"] for trace in json.loads(file.read_text())["data"]] == bars


def test_a_figure_needs_no_torch():
    code = "import sys; import tla.cli.figure_verb; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
