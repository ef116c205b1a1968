"""The dashboard in a process of its own, as a browser meets it."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboard import ROOT, SCRIPT
from ports import answer, free_port


def benchmark(name: str) -> Any:
    """A module of the folder of benchmarks."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rendered = benchmark("rendered")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Start the dashboard on a folder of studies; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"]
    environment = os.environ | {"TLA_STUDIES": str(folder), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def alive() -> None:
        assert process.poll() is None, "the dashboard did not start"

    try:
        answer(f"{address}/_stcore/health", alive)
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def settled(page: Any) -> None:
    """Wait until no script has run and nothing has been pending for a moment."""
    page.wait_for_selector("[data-known]:not([data-known='0'])", state="attached")
    rendered.quiet(page)
