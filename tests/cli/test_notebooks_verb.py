"""`tla notebooks`: copies, never over somebody's work."""

import pytest

from tla import parts
from tla.cli import main


def test_every_notebook_is_copied_and_none_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = sorted(file.name for file in parts.part("notebooks").glob("*.ipynb"))
    assert main(["notebooks", "own"]) == 0
    assert sorted(file.name for file in (tmp_path / "own").iterdir()) == source
    assert capsys.readouterr().out.endswith("now: jupyter lab own\n")
    (tmp_path / "own" / source[2]).write_text("mine")
    assert main(["notebooks", "own"]) == 0
    assert f"there already, left as they are: {source[0]}" in capsys.readouterr().out
    assert (tmp_path / "own" / source[2]).read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [(["a", "b"], "takes one folder, got a b"), (["--out", "a"], "takes one folder"), (["--out"], "takes one folder")],
)
def test_bad_words_are_named(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["notebooks", *words]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "own").write_text("mine")
    assert main(["notebooks", str(tmp_path / "own")]) == 1
    assert "own is a file; choose another folder" in capsys.readouterr().err
    assert (tmp_path / "own").read_text() == "mine"


def test_the_notebooks_themselves_are_no_place_for_copies(capsys):
    assert main(["notebooks", str(parts.part("notebooks"))]) == 1
    assert "name another folder for copies" in capsys.readouterr().err


def test_a_package_without_its_parts_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "BESIDE", tmp_path)
    monkeypatch.setattr(parts, "INSIDE", tmp_path / "installed")
    with pytest.raises(FileNotFoundError, match="tla was installed without it; install it again"):
        parts.part("app")
    (tmp_path / "installed" / "app").mkdir(parents=True)
    assert parts.part("app") == tmp_path / "installed" / "app"
