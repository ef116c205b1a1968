"""`make app` and `tla app` open a browser, on this machine only."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from dashboard import ROOT, SCRIPT
from ports import free_port

pytestmark = pytest.mark.more


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the browser is replaced as Linux finds it")
@pytest.mark.parametrize("command", [["streamlit", "run", str(SCRIPT)], ["tla", "app"]], ids=["make app", "tla app"])
def test_a_browser_opens_on_this_machine(tmp_path, command):
    opened = tmp_path / "opened"
    for name in ("xdg-open", "browser"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
        (tmp_path / name).chmod(0o755)
    port = free_port()
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "BROWSER": str(tmp_path / "browser"), "DISPLAY": ":0",
        "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--server.port", str(port)],
            env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not opened.exists() and time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        assert opened.read_text().strip() == f"http://127.0.0.1:{port}"
        if shutil.which("ss"):
            listening = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=True)
            assert f"127.0.0.1:{port}" in listening.stdout
            assert f"0.0.0.0:{port}" not in listening.stdout
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
