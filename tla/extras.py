"""Optional packages: imported where they are used; a missing one raises an error that says how to install it."""

import importlib
from collections.abc import Iterable
from importlib import metadata
from types import ModuleType

PIP_LINES = {
    "streamlit": "pip install 'tla[app]'",
    "pyautoattack": "pip install 'tla[adapters]'",
    "adv_lib": "pip install --no-deps adv-lib tqdm",
    "foolbox": "pip install 'tla[adapters]'",
    "kaleido": "pip install 'tla[notebooks]'",
    "anywidget": "pip install 'tla[notebooks]'",
    "onnx": "pip install 'tla[onnx]'",
    "onnx2torch": "pip install 'tla[onnx]'",
    "timm": "pip install 'tla[timm]'",
    "transformers": "pip install 'tla[hf]'",
    "robustbench": "pip install 'tla[robustbench]'",
    "fiftyone": "pip install fiftyone",
    "faiss": "pip install faiss-cpu  (or faiss-gpu on Linux)",
    "umap": "pip install umap-learn",
}


def versions(packages: Iterable[str] = ("tla",)) -> dict[str, str]:
    """Installed version of each package, or "not installed"."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def require(module: str, why: str) -> ModuleType:
    """Import an optional package.

    Args:
        module: Import name, "faiss".
        why: What needs it, "nearest-neighbour retrieval".

    Returns:
        The imported module.

    Raises:
        ModuleNotFoundError: if the package is not installed; gives the pip command.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        line = PIP_LINES.get(module.split(".")[0], f"pip install {module}")
        raise ModuleNotFoundError(f"{why} needs the package {module!r}: {line}", name=module) from None
