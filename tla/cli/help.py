"""The text above the options in a verb's `--help`."""

import inspect


def summary(options: type, more: str) -> str:
    """The first line of an options class's docstring, then `more`; tyro documents the options themselves.

    Args:
        options: The class.
        more: What follows.
    """
    return f"{(inspect.getdoc(options) or '').splitlines()[0]}\n\n{more}"
