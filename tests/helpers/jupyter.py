"""A JupyterLab on a folder, and what a user does in it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ports import free_port

ROOT = Path(__file__).parents[2]


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """Start JupyterLab on a folder, without a password and reachable from here only; give its address.

    Args:
        folder: Its root; settings and runtime files go there too.
    """
    port = free_port()
    private = {
        name: str(folder / ".jupyter" / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    private["JUPYTERLAB_SETTINGS_DIR"] = private["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / ".jupyter" / "lab")
    environment = os.environ | private | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--ServerApp.allow_root=True"]
    command += ["--ServerApp.disable_check_xsrf=True", "--LabApp.news_url=None", "--ServerApp.open_browser=False"]
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(900):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def write_notebook(file: Path, cells: Sequence[str]) -> None:
    """A notebook of code cells that have not run."""
    code = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    file.write_text(
        json.dumps(
            {
                "cells": [code | {"id": f"cell{k}", "source": text} for k, text in enumerate(cells)],
                "metadata": {"kernelspec": spec},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )
    )


class Lab:
    """A notebook in the simple interface of JupyterLab.

    Args:
        page: A page of the browser.
        address: Of the server.
        name: Of the notebook.
        theme: "light" or "dark".
    """

    def __init__(self, page: Any, address: str, name: str, theme: str = "light") -> None:
        self.page = page
        label = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[theme]
        settings = {"themes": {"theme": label, "adaptive-theme": False}, "notification": {"fetchNews": "false"}}
        for kind, values in settings.items():
            body = json.dumps({"raw": json.dumps(values)}).encode()
            place = f"{address}/lab/api/settings/@jupyterlab/apputils-extension:{kind}"
            urllib.request.urlopen(urllib.request.Request(place, body, method="PUT"), timeout=30).close()
        page.goto(f"{address}/doc/tree/{name}", timeout=120_000)
        page.wait_for_selector("text=Python 3 (ipykernel) | Idle", timeout=180_000)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell .jp-InputArea-editor", timeout=120_000)

    def run(self, number: int) -> Any:
        """Run a cell, wait until it is done, and give its output area."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.scroll_into_view_if_needed()
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for _ in range(20):  # a key press is lost while the notebook is still being set up
            cell.locator(".jp-InputArea-editor").click()
            self.page.keyboard.press("Control+Enter")
            self.page.wait_for_timeout(250)
            if prompt.inner_text() != before:
                break
        for _ in range(1200):
            if prompt.inner_text().strip("[]: ").isdigit():
                return cell.locator(".jp-OutputArea")
            self.page.wait_for_timeout(50)
        raise AssertionError(f"cell {number} did not end: {prompt.inner_text()}")

    def text(self, number: int) -> str:
        """What a cell prints when it is run."""
        return self.run(number).inner_text().strip()
