"""One focus and one selection for several widgets."""

from typing import Any

from tla.widgets.ids import checked_ids

LINKED = ("focus", "selection")


class Link:
    """Keeps focus and selection of some widgets equal until `unlink`.

    A widget takes over only ids that it has: an explorer's selection of 500 images is that of 40 in a lab of 40.

    Args:
        widgets: At least two; each with a trait focus, selection, or both.
    """

    def __init__(self, *widgets: Any) -> None:
        for widget in widgets:
            if not any(_has(widget, name) for name in LINKED):
                raise ValueError(f"link takes widgets with a focus or a selection, got {type(widget).__name__}")
        if len(widgets) < 2:
            raise ValueError(f"link takes at least two widgets, got {len(widgets)}")
        self.widgets = widgets
        self._busy = False
        for name in LINKED:
            first = next((one for one in widgets if _has(one, name)), None)
            for widget in widgets:
                if _has(widget, name):
                    widget.observe(self._follow, name)
            if first is not None:
                self._pass_on(first, name)

    def unlink(self) -> None:
        """Let every widget go its own way."""
        for widget in self.widgets:
            for name in LINKED:
                if _has(widget, name):
                    widget.unobserve(self._follow, name)

    def _follow(self, change: Any) -> None:
        self._pass_on(change["owner"], change["name"])

    def _pass_on(self, owner: Any, name: str) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            value = getattr(owner, name)
            for widget in self.widgets:
                if widget is not owner and _has(widget, name):
                    _take(widget, name, value)
        finally:
            self._busy = False


def _has(widget: Any, name: str) -> bool:
    return hasattr(widget, "has_trait") and widget.has_trait(name)


def _take(widget: Any, name: str, value: Any) -> None:
    """Give a widget what it has of a value."""
    known = getattr(widget, "known_ids", None)
    if name == "focus":
        if value is not None and (known is None or value in known):
            widget.focus = value
        return
    there = [one for one in value if known is None or one in set(known.tolist())]
    widget.selection = checked_ids(there, known, name) if known is not None else tuple(there)
