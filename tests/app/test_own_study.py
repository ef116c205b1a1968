"""The form that starts a study of a model that exists."""

import json

import pytest


@pytest.mark.parametrize(
    ("name", "load", "data", "eps", "message"),
    [
        ("mine", "torchvision:resnet18", "folder:/photos", "8/255", ""),
        ("mine", "/nets/page.onnx", "npz:/x.npz", "0.1", ""),
        ("mine", "mnist/tla", "mnist", "0.3", ""),
        ("mine", "", "folder:/photos", "8/255", "Name a network and images"),
        ("mine", "torchvision:resnet18", " ", "8/255", "Name a network and images"),
        ("mine", "mypkg:Net", "digits", "8/255", "tla app --given mine=mypkg:Net"),
        ("../mine", "torchvision:resnet18", "digits", "8/255", "The name must be"),
        ("mine", "torchvision:resnet18", "mypkg.data:make", "8/255", "Images that code returns"),
        ("mine", "torchvision:resnet18", "digits", "8", "eps must be a number in 0..1"),
        ("mine", "torchvision:resnet18", "digits", "a lot", "eps must be a number in 0..1"),
    ],
)
def test_what_can_be_started(name, load, data, eps, message):
    from board.own_study import refusal

    found = refusal(name, {"load": load}, data, eps)
    assert message in found
    assert bool(found) is bool(message)


def test_a_model_that_was_brought_may_be_code(monkeypatch):
    from board.own_study import refusal

    monkeypatch.setenv("TLA_GIVEN", json.dumps({"mine": {"load": "mypkg:Net"}}))
    assert refusal("mine", {"load": "mypkg:Net"}, "digits", "8/255") == ""


def test_the_words_of_the_command():
    from board.own_study import command_words, folder_name

    settings = {"load": "net.onnx", "mean": "0.5, 0.4 0.3", "resize": 32, "order": [1, 0]}
    words = " ".join(command_words("mine", settings, " 8/255"))
    assert words == "--given mine=net.onnx --eps 8/255 --mean 0.5 0.4 0.3 --resize 32 --order 1 0"
    assert folder_name("my net", "folder:/data/photos") == "photos-my-net"


def test_the_page_starts_what_was_typed(studies, open_page, monkeypatch):
    from board.running import Runs

    seen = []
    monkeypatch.setattr(Runs, "start", lambda self, *words: seen.append(words))
    app = open_page("data")
    assert app.button(key="start_own").disabled
    app.text_input(key="own_load").set_value("torchvision:resnet18")
    app.text_input(key="own_name").set_value("theirs")
    app.text_input(key="own_data").set_value("folder:/photos").run()
    assert not app.button(key="start_own").disabled
    app.button(key="start_own").click().run()
    assert not app.exception
    ((data, folder, _, words),) = seen
    assert (data, folder.name) == ("folder:/photos", "photos-theirs")
    assert words == ["--given", "theirs=torchvision:resnet18", "--eps", "8/255"]


def test_resuming_a_study_that_names_code_is_not_offered(tmp_path, use_studies, open_page):
    from dashboard import make_study

    store = make_study(tmp_path / "half", complete=False)
    plan = store.manifest()["study"]
    store.note(study=plan | {"given": {"mine": {"load": "theirs.py:Net"}}})
    use_studies(tmp_path)
    app = open_page("shift")
    assert not app.exception
    assert any("theirs.py:Net" in info.value for info in app.info)
    assert next(button for button in app.button if button.label == "Resume").disabled
