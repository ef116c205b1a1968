"""Robust networks of RobustBench's model zoo, by name."""

from tla.extras import require
from tla.messages import did_you_mean, first_line
from tla.models.external.sources.loaded import Loaded, Wanted

DATA, THREATS = ("cifar10", "cifar100", "imagenet"), ("Linf", "L2", "corruptions")


def load(name: str, wanted: Wanted) -> Loaded:
    """A network of RobustBench; it normalises its images itself.

    Args:
        name: "Carmon2019Unlabeled" (CIFAR-10, Linf), or with data set and threat, "imagenet/Linf/Salman2020Do_R18".
        wanted: Its weights are its own.

    Raises:
        ValueError: for an unknown data set, threat or network, or one that cannot be downloaded.
        ModuleNotFoundError: if robustbench is not installed; gives the pip command.
    """
    require("robustbench", f"robustbench:{name}")
    zoo = require("robustbench.model_zoo", f"robustbench:{name}")
    utils = require("robustbench.utils", f"robustbench:{name}")
    if wanted.weights is not None:
        raise ValueError(f"robustbench:{name} has its own weights; weights must be a file, got {wanted.weights!r}")
    parts = name.split("/")
    data, threat, network = parts if len(parts) == 3 else ("cifar10", "Linf", name)
    for what, word, known in (("data set", data, DATA), ("threat", threat, THREATS)):
        if word not in known:
            raise ValueError(f"robustbench:{name}: unknown {what} {word!r}; {did_you_mean(word, known)}")
    known = _names(zoo, data, threat)
    if known and network not in known:
        raise ValueError(f"robustbench has no {network!r} for {data} and {threat}; {did_you_mean(network, known)}")
    try:
        module = utils.load_model(network, dataset=data, threat_model=threat)
    except Exception as error:  # gdown and requests have many ways to say that there is no network
        raise ValueError(f"robustbench:{name} cannot be loaded: {first_line(error)}") from None
    return Loaded(module, size=None if data == "imagenet" else (32, 32), channels=3)


def _names(zoo: object, data: str, threat: str) -> list[str]:
    """Names of the networks for a data set and threat, as the zoo has them."""
    for kind, threats in getattr(zoo, "model_dicts", {}).items():
        if getattr(kind, "value", kind) == data:
            for one, networks in threats.items():
                if getattr(one, "value", one) == threat:
                    return list(networks)
    return []
