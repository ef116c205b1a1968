"""Settings on the command line: overrides of single values of a recipe."""

import dataclasses
from typing import Any

from tla.config import merge, source_values
from tla.messages import did_you_mean

OPTIONS = ("--out", "--data", "--model", "--source", "--force", "--workers", "--scheduler")
"""Of `tla study` and `tla sweep` themselves."""


def verb_options(words: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """The verb's own options, and the remaining words.

    Raises:
        ValueError: for an option without its value.
    """
    options: dict[str, str | None] = dict.fromkeys(OPTIONS)
    rest: list[str] = []
    queue = list(words)
    while queue:
        word, _, value = queue[0].partition("=")
        if word not in options:
            rest.append(queue.pop(0))
            continue
        queue.pop(0)
        if word == "--force":
            options[word] = "yes"
        elif value or queue:
            options[word] = value or queue.pop(0)
        else:
            raise ValueError(f"{word} needs a value")
    return options, rest


def with_model_and_source(values: dict[str, Any], options: dict[str, str | None]) -> dict[str, Any]:
    """A recipe's values with the model and data source of `--model` and `--source`."""
    if options["--model"]:
        values = values | {"model": {"name": options["--model"]}}
    source = options["--source"]
    if source:
        values = values | {"source": source_values(source)}
    return values


def with_method_settings(values: dict[str, Any], words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A recipe's values with every `--method.NAME.SETTING VALUE` applied, and the remaining words.

    Raises:
        ValueError: for a setting without a value. Names and values are checked when the study is built.
    """
    from tla.config import plain_value

    rest: list[str] = []
    queue = list(words)
    while queue:
        word, equals, value = queue.pop(0).partition("=")
        path = word.split(".")
        if path[0] != "--method" or len(path) < 3:
            rest.append(word + equals + value)
            continue
        if not equals and (not queue or queue[0].startswith("--")):
            raise ValueError(f"{word} needs a value")
        change: Any = plain_value(value if equals else queue.pop(0))
        for name in reversed([path[1], *(key.replace("-", "_") for key in path[2:])]):
            change = {name: change}
        values = merge(values, {"method": change})
    return values, rest


OWN_IMAGES, EVERY_IMAGE = ("folder", "csv", "npz", "python"), 1_000_000
"""Sources of one's own images: all of them are attacked if the study trains nothing."""
GIVEN_SETTINGS = ("--weights", "--head", "--mean", "--std", "--channels", "--resize", "--order")
"""Settings of given models, the same for `tla attack`, `tla audit` and `tla study`."""


def with_given(values: dict[str, Any], words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A recipe's values with the models of `--given NAME=MODEL ...` and `--start NAME=MODEL`, and the remaining words.

    With `--given` and without `--methods` the study trains nothing. `--head` and its like apply to the start and every
    given model; for one of several write `--given.NAME.head`.

    Raises:
        ValueError: for a word that is not NAME=MODEL, a name given twice, two starts, or a setting without a model.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {"given": {}, "start": {}}
    shared: dict[str, Any] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word, equals, value = queue.pop(0).partition("=")
        if word in ("--given", "--start"):
            _take_models(word, [value] if equals else _until_option(queue), found[word.removeprefix("--")])
        elif word in GIVEN_SETTINGS:
            many = word in ("--mean", "--std", "--order")
            texts = [value] if equals else (_until_option(queue) if many else queue[:1])
            if not equals and not many:
                del queue[:1]
            if not texts:
                raise ValueError(f"{word} needs a value")
            shared[word.removeprefix("--")] = _given_value(word, texts)
        else:
            rest.append(word + equals + value)
    if shared and not any(found[kind] or values.get(kind) for kind in found):
        raise ValueError(f"--{next(iter(shared))} is for given models: name one with --given mine=...")
    values = _with_models(values, found, shared)
    if found["given"] and not found["start"]:
        values = values | {"methods": []}
        if "--methods" not in words and values.get("source", {}).get("name") in OWN_IMAGES:
            values = merge(values, {"attack": {"examples": EVERY_IMAGE}})
    return values, rest


def _with_models(values: dict[str, Any], found: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:

    if found["start"]:
        values = {key: value for key, value in values.items() if key != "start"}  # instead of the recipe's
    for kind, models in found.items():
        names = [*values.get(kind, {}), *models]
        if names:
            values = merge(values, {kind: {name: models.get(name, {}) | shared for name in names}})
    return values


def _take_models(word: str, texts: list[str], found: dict[str, dict[str, Any]]) -> None:
    """Add the models of one option, NAME=MODEL each."""
    if not texts:
        raise ValueError(f"{word} needs a name and a model, as in {word} mine=mypkg.models:make_model")
    for text in texts:
        name, equals, model = text.partition("=")
        if not equals or not name or not model:
            raise ValueError(f"{word} must be NAME=MODEL, as in mine=torchvision:resnet18, got {text!r}")
        if name in found:
            raise ValueError(f"{word}: {name!r} is given twice; models need different names")
        found[name] = {"load": model}
    if word == "--start" and len(found) > 1:
        raise ValueError(f"--start must be one model, that every method trains further, got {', '.join(found)}")


def refuse_backbone(values: dict[str, Any], options: dict[str, str | None], rest: list[str]) -> None:
    """Refuse the choice of a backbone where training starts from a given model.

    Raises:
        ValueError: names the option.
    """
    chosen = ["--model"] if options["--model"] else [word for word in rest if word.startswith("--model.")]
    if chosen and values.get("start"):
        option = chosen[0].partition("=")[0]
        raise ValueError(f"{option} changes nothing: every method trains {next(iter(values['start']))!r} (--start)")


def _until_option(queue: list[str]) -> list[str]:
    """Take the words before the next option."""
    taken: list[str] = []
    while queue and not queue[0].startswith("--"):
        taken.append(queue.pop(0))
    return taken


def _given_value(word: str, texts: list[str]) -> Any:
    if word in ("--weights", "--head"):
        return texts[0]
    parts = [part for text in texts for part in text.split(",")]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        if len(texts) == 1 and word in ("--mean", "--std"):
            return texts[0]
        raise ValueError(f"{word} must be numbers, got {' '.join(texts)}") from None
    if word in ("--mean", "--std"):
        return numbers
    return [int(number) for number in numbers] if word == "--order" else int(numbers[0])


def overridden(study: Any, rest: list[str]) -> Any:
    """The study with the command line's settings; tyro gets the recipe's values as defaults."""
    import tyro

    if not rest:
        return study
    known = _settings(study)
    for word in rest:
        name = word.split("=")[0].removeprefix("--")
        setting = name.removeprefix("no-").replace(".no-", ".").replace("-", "_")
        if setting in ("train.eps", "train.norm"):
            raise ValueError(
                f"{word.split('=')[0]}: set --attack.{setting[6:]}, or --attack.train-eps for training only"
            )
        if word.startswith("--") and name != "help" and not {name, setting} & known:
            raise ValueError(f"unknown setting {word.split('=')[0]}; {did_you_mean(name, known)}"[:600])
    return tyro.cli(
        type(study),
        default=study,
        args=rest,
        prog="tla study RECIPE",
        config=(tyro.conf.AvoidSubcommands,),
    )


def _settings(value: Any, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        name = prefix + field.name
        found.add(name)
        if dataclasses.is_dataclass(item):
            found |= _settings(item, name + ".")
        elif isinstance(item, dict):
            for key, inner in item.items():
                found |= _settings(inner, f"{name}.{key}.") if dataclasses.is_dataclass(inner) else {f"{name}.{key}"}
                if isinstance(inner, dict):
                    found |= {f"{name}.{key}.{setting}" for setting in inner}
    return found
