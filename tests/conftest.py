"""Shape checks on, one thread, no warnings; markers that skip with a reason."""

import gc
import os
import shutil
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxtyping import install_import_hook

install_import_hook("tla", "beartype.beartype")

import pytest
import torch

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]


def pytest_unconfigure():
    gc.unfreeze()


def pytest_collection_modifyitems(items):
    data = os.environ.get("TLA_DATA")
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    skips = {
        "gpu": (not torch.cuda.is_available(), "there is no CUDA device"),
        "data": (not (data and Path(data).is_dir()), "TLA_DATA does not name a folder of data sets"),
        "browser": (not chromium, "there is no Chromium"),
    }
    for item in items:
        for name, (missing, reason) in skips.items():
            if missing and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="module")
def _what_is_imported_is_no_garbage():
    """Every step of a study collects garbage; among all that the tests import, that takes a second each time."""
    gc.freeze()


@pytest.fixture
def data_folder() -> Path:
    """The folder of real data sets (tests marked `data`)."""
    return Path(os.environ["TLA_DATA"])


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium; one per process, since Playwright allows no second one beside it."""
    import browser

    with browser.chromium() as made:
        yield made
