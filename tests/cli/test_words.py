import subprocess
import sys

import pytest

from tla.cli import VERBS, main


def test_help_names_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


def test_unknown_verb_gets_a_hint(capsys):
    assert main(["studdy"]) == 2
    assert "did you mean 'study'?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["study", "report", "list", "app"])
def test_every_verb_explains_itself(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert f"tla {verb}" in capsys.readouterr().out


def test_unknown_recipe_gets_a_hint(capsys):
    assert main(["study", "digit"]) == 1
    assert "unknown recipe 'digit'; did you mean 'digits'?" in capsys.readouterr().err


def test_unknown_study_says_which_there_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "nothing"]) == 1
    assert "there is no study 'nothing'" in capsys.readouterr().err


def test_help_needs_neither_torch_nor_pandas():
    code = (
        "import sys; from tla.cli import main; main(['--help']); sys.exit(len({'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0
