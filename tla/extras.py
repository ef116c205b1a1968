"""Optional packages: imported where they are used; a missing one raises an error that says how to install it."""

import importlib
from collections.abc import Iterable
from importlib import metadata
from types import ModuleType

DISTRIBUTION = "tla-robust"
"""What is installed under the name of this package on the package index; `tla` there is somebody else's."""

PIP_LINES = {
    "streamlit": "pip install 'streamlit>=1.67'",
    "pyautoattack": "pip install 'pyautoattack>=0.2'",
    "adv_lib": "pip install --no-deps adv-lib tqdm",
    "foolbox": "pip install 'foolbox>=3.3.4'",
    "kaleido": "pip install 'kaleido>=1.0'",
    "distributed": "pip install 'distributed>=2025.1'",
    "anywidget": "pip install 'anywidget>=0.9'",
    "onnx": "pip install 'onnx>=1.15' 'onnx2torch>=1.5.15'",
    "onnx2torch": "pip install 'onnx>=1.15' 'onnx2torch>=1.5.15'",
    "timm": "pip install 'timm>=1.0'",
    "transformers": "pip install 'transformers>=4.45'",
    "robustbench": "pip install 'robustbench>=1.1'",
    "fiftyone": "pip install fiftyone",
    "faiss": "pip install faiss-cpu  (or faiss-gpu on Linux)",
    "umap": "pip install umap-learn",
}


def versions(packages: Iterable[str] = ("tla",)) -> dict[str, str]:
    """Installed version of each package, `tla` by its import name, or "not installed"."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(DISTRIBUTION if package == "tla" else package)
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
