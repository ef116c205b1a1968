"""What `--help` of a verb says before its options."""

import inspect


def summary(options: type, more: str) -> str:
    """A verb's help: what its options' class says first, and what follows; tyro explains each option by itself.

    Args:
        options: The class.
        more: The rest.
    """
    return f"{(inspect.getdoc(options) or '').splitlines()[0]}\n\n{more}"
