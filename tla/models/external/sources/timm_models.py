"""Networks of timm, by name."""

from tla.extras import require
from tla.messages import did_you_mean, first_line
from tla.models.external.sources.loaded import Loaded, Wanted
from tla.models.network.pixel_statistics import Statistics


def load(name: str, wanted: Wanted) -> Loaded:
    """A classification network of timm, with the normalisation that it states.

    Args:
        name: "resnet18" for an untrained network, with as many classes as the data; with a tag, "resnet18.a1_in1k",
            trained.
        wanted: Weights "DEFAULT" load the trained weights that timm takes for that name.

    Raises:
        ValueError: for an unknown network, unknown weights, or weights that cannot be downloaded.
        ModuleNotFoundError: if timm is not installed; gives the pip command.
    """
    timm = require("timm", f"timm:{name}")
    plain, _, tag = name.partition(".")
    if not timm.is_model(plain):
        raise ValueError(f"unknown timm model {plain!r}; {_near(plain, timm.list_models())}")
    if wanted.weights not in (None, "DEFAULT"):
        raise ValueError(f"weights of timm:{name} are 'DEFAULT' or a file, got {wanted.weights!r}; a tag follows a dot")
    known = [full for full in timm.list_pretrained(f"{plain}*") if full.partition(".")[0] == plain]
    if tag and name not in known:
        raise ValueError(f"timm has no weights {name!r}; {did_you_mean(name, known)}")
    trained = bool(tag) or wanted.weights is not None
    if trained and not known:
        raise ValueError(f"timm has no trained weights for {name}")
    size = {} if trained or wanted.classes is None else {"num_classes": wanted.classes}
    try:
        module = timm.create_model(name, pretrained=trained, **size)
    except Exception as error:  # huggingface_hub and urllib have many ways to say that there is no network
        raise ValueError(f"timm:{name} cannot be loaded: {first_line(error)}") from None
    config = module.pretrained_cfg
    channels, height, width = config["input_size"]
    fixed = trained or config.get("fixed_input_size", False)
    statistics = Statistics(tuple(config["mean"]), tuple(config["std"]))
    return Loaded(module, statistics, (height, width) if fixed else None, channels)


def _near(name: str, known: list[str]) -> str:
    """A hint that does not list a thousand names."""
    hint = did_you_mean(name, known).split("Known:")[0]
    return f"{hint}timm.list_models() has {len(known)}"
