"""Runs the notebooks' kernels as when their outputs were stored, and compares with tolerances (see nbcompare)."""

import os

from nbcompare import plugin
from regenerate import KERNEL


def pytest_configure(config):  # noqa: ANN001, ANN201 (of pytest)
    """Set the kernels' environment; register the plugin where it is not installed."""
    os.environ.update(KERNEL)
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin)
