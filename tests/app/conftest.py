"""The dashboard on an empty folder, and on a synthetic study."""

import importlib

import pytest

pytest.importorskip("streamlit", reason="the extra 'app' is not installed")
pytest.importorskip("plotly", reason="plotly is not installed")
dashboard = importlib.import_module("dashboard")


@pytest.fixture
def use_studies(monkeypatch):
    """Makes the dashboard look for studies in one folder, and nowhere else."""
    return lambda folder, shipped=None: dashboard.use_studies(monkeypatch, folder, shipped)


@pytest.fixture
def empty(tmp_path, use_studies):
    """No study anywhere."""
    use_studies(tmp_path)


@pytest.fixture(scope="session")
def made():
    """A folder with one synthetic study, "made"."""
    return dashboard.example_folder()


@pytest.fixture
def studies(made, use_studies):
    """The dashboard finds the synthetic study, and nothing else."""
    use_studies(made)
    return made


@pytest.fixture
def open_page():
    """Runs one page of the dashboard: `open_page("shift", k="3")` with a query."""
    return dashboard.open_page
