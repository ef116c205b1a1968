"""Words that pages share: names of methods, and counts."""

from tla.plots.drawing.theme import method_label


def label(method: str) -> str:
    """The display name of a method; a given model's name stays."""
    return method_label(method)


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 image", "500 images".

    Args:
        number: How many.
        noun: In the singular; "query" and the like end in -ies.
    """
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"
