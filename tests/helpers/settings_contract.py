"""What holds for the settings of any registered dataclass."""

import dataclasses
import json

from tla.config import from_dict, to_dict


def check_settings(item):
    """Its settings survive plain values and JSON, and each has its line in the docstring, which --help shows."""
    kind = type(item)
    values = to_dict(item)
    assert values["name"] == kind.registry.name_of(item)
    assert from_dict(kind, json.loads(json.dumps(values))) == item
    text = "".join(str(base.__doc__) for base in kind.__mro__)
    for field in dataclasses.fields(kind):
        assert f"        {field.name}: " in text, f"{kind.__name__}.{field.name} is not documented"
