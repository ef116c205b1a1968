"""Figures as JSON: same structure, same words, numbers within a tolerance."""

from typing import Any

from nbcompare.arrays import as_array, compare_arrays
from nbcompare.difference import Difference
from nbcompare.pictures import compare_pictures
from nbcompare.text import compare_text

PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,")


def compare_json(stored: Any, shown: Any) -> list[Difference]:
    """Compare two values of a figure's JSON: arrays, numbers, words, pictures, and containers of them.

    Args:
        stored: From the notebook.
        shown: The new value.
    """
    arrays = as_array(stored), as_array(shown)
    if arrays[0] is not None and arrays[1] is not None:
        return compare_arrays(arrays[0], arrays[1])
    if isinstance(stored, dict) and isinstance(shown, dict):
        return _compare_members(stored, shown)
    if isinstance(stored, list) and isinstance(shown, list):
        return _compare_items(stored, shown)
    if isinstance(stored, str) and isinstance(shown, str):
        return _compare_strings(stored, shown)
    if _is_number(stored) and _is_number(shown):
        return compare_json([stored], [shown])
    if stored == shown and type(stored) is type(shown):
        return []
    return [Difference("", f"stored {_short(stored)}, got {_short(shown)}", True)]


def _compare_members(stored: dict[str, Any], shown: dict[str, Any]) -> list[Difference]:
    gone = [Difference(f".{key}", "stored, now missing", True) for key in stored.keys() - shown.keys()]
    new = [Difference(f".{key}", "new, not stored", True) for key in shown.keys() - stored.keys()]
    both = [
        found.inside(f".{key}") for key in stored if key in shown for found in compare_json(stored[key], shown[key])
    ]
    return sorted(gone + new) + both


def _compare_items(stored: list[Any], shown: list[Any]) -> list[Difference]:
    if len(stored) != len(shown):
        return [Difference("", f"stored {len(stored)} items, got {len(shown)}", True)]
    pairs = enumerate(zip(stored, shown, strict=True))
    return [found.inside(f"[{i}]") for i, (old, new) in pairs for found in compare_json(old, new)]


def _compare_strings(stored: str, shown: str) -> list[Difference]:
    if stored == shown:
        return []
    if stored.startswith(PICTURES) and shown.startswith(PICTURES):
        return compare_pictures(stored.partition(",")[2], shown.partition(",")[2])
    return [found._replace(where="") for found in compare_text(stored, shown)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
