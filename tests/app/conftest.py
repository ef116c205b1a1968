"""The dashboard on an empty folder, and on a synthetic study."""

import importlib

import pytest

streamlit = pytest.importorskip("streamlit", reason="the extra 'app' is not installed")
pytest.importorskip("plotly", reason="plotly is not installed")
dashboard = importlib.import_module("dashboard")


@pytest.fixture
def looking_in(monkeypatch, tmp_path):
    """Makes the dashboard look for studies in one folder, and nowhere else."""
    locate = importlib.import_module("tla.study.locate")

    def look(folder):
        monkeypatch.setenv("TLA_STUDIES", str(folder))
        for module in (locate, importlib.import_module("board.studies")):
            monkeypatch.setattr(module, "shipped_studies", lambda: tmp_path / "none ship")

    return look


@pytest.fixture
def empty(tmp_path, looking_in):
    """No study anywhere."""
    looking_in(tmp_path)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with one synthetic study, "made"."""
    folder = tmp_path_factory.mktemp("studies")
    dashboard.make_study(folder / "made")
    return folder


@pytest.fixture
def studies(made, looking_in):
    """The dashboard finds the synthetic study, and nothing else."""
    looking_in(made)
    return made


@pytest.fixture
def open_page():
    """Runs one page of the dashboard: `open_page("shift.py", k="3")` with a query."""
    from streamlit.testing.v1 import AppTest

    def run(page="tour.py", /, **query):
        app = AppTest.from_file(dashboard.SCRIPT, default_timeout=30)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        if page != "tour.py":
            app.switch_page(f"pages_/{page}")
            app.run()
        return app

    return run
