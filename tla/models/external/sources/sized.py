"""Networks whose source sizes their head: weights of a file decide how many classes it has."""

from pathlib import Path

from tla.models.external.given import GivenModel
from tla.models.external.sources.loaded import Loaded
from tla.models.external.sources.table import load, parted, runs_no_code
from tla.models.external.weight_files import is_weight_file, read_state_dict, renamed


def load_for_start(given: GivenModel, classes: int) -> Loaded:
    """The network of a given model, also if the weights of its file are for another number of classes.

    Args:
        given: The model.
        classes: Number of classes of the data.

    Raises:
        ValueError: as `tla.models.external.sources.table.load`.
        ModuleNotFoundError: if the source's package is not installed.
    """
    wanted = classes if given.order is None else None
    try:
        return load(given.load, wanted, given.weights)
    except ValueError:
        had = _classes_of_file(given, classes)
        if had is None or had == wanted:
            raise
        return load(given.load, had, given.weights)


def _classes_of_file(given: GivenModel, classes: int) -> int | None:
    """How many classes the weights of a file have: the size of what changes when the network gets one class more."""
    named = parted(given.load, given.weights)
    if named.weights is None or not is_weight_file(named.weights) or not runs_no_code(named.network):
        return None
    smaller, larger = (load(named.network, count, None).module.state_dict() for count in (classes, classes + 1))
    found = renamed(read_state_dict(Path(named.weights).expanduser()).tensors, smaller)
    changed = [name for name in smaller if smaller[name].shape != larger[name].shape]
    return next((found[name].shape[0] for name in changed if name in found and found[name].ndim), None)
