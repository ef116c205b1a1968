"""Networks of torchvision, by name."""

from tla.messages import did_you_mean, first_line
from tla.models.external.sources.loaded import Loaded, Wanted
from tla.models.network.pixel_statistics import Statistics


def load(name: str, wanted: Wanted) -> Loaded:
    """A classification network of torchvision.

    Args:
        name: "resnet18".
        wanted: Without weights the network is untrained, and has as many classes as the data. Trained weights
            ("DEFAULT", "IMAGENET1K_V1") state their normalisation and size.

    Raises:
        ValueError: for an unknown network or unknown weights, or weights that cannot be downloaded.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(f"unknown torchvision model {name!r}; {did_you_mean(name, known)}")
    if wanted.weights is None:
        size = {} if wanted.classes is None else {"num_classes": wanted.classes}
        quiet = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        return Loaded(models.get_model(name, weights=None, **size, **quiet))
    choices = models.get_model_weights(name)
    if wanted.weights not in choices.__members__:
        hint = did_you_mean(wanted.weights, choices.__members__)
        raise ValueError(f"unknown weights {wanted.weights!r} for {name}; {hint}")
    chosen = choices[wanted.weights]
    recipe = chosen.transforms()
    try:
        module = models.get_model(name, weights=chosen)
    except OSError as error:
        raise ValueError(f"the weights of torchvision:{name} cannot be downloaded: {first_line(error)}") from None
    (side,) = recipe.crop_size
    return Loaded(module, Statistics(tuple(recipe.mean), tuple(recipe.std)), (side, side), 3)
