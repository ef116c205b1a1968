"""What a report is made from: a study's tables and its manifest."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tla.plots.base import Frame
from tla.plots.drawing.draw import look_of, models_of
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.theme import Look, methods_of
from tla.statistics.accuracy import accuracy_and_worst, at_eps, main_eps
from tla.statistics.conditions import of_condition
from tla.store import Store

STEP_OF = {
    "attacks": "attack", "history": "train", "shift": "analyse", "map": "analyse", "detection": "analyse",
    "neighbours": "analyse", "retrieval": "analyse", "trajectory": "analyse", "layers": "analyse", "path": "analyse",
    "measures": "analyse", "structure": "analyse", "trust": "analyse", "audit": "audit",
    "ranking": "ranking", "radii": "radii",
}  # fmt: skip
"""The step of `tla study` that makes a table."""


@dataclass(frozen=True)
class Material:
    """A study as the report reads it; each table is read once.

    Args:
        store: The study.
        points: Maximum number of points drawn in one panel of a map.
    """

    store: Store
    points: int = 500

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest."""
        return self.store.manifest()

    @cached_property
    def look(self) -> Look:
        """The look of the report's figures: vectors, so that a page can hold any number of them."""
        return look_of(self.store, renderer="svg", points=self.points)

    @cached_property
    def pictures(self) -> Pictures:
        """The study's pictures."""
        return Pictures.of(self.store, models_of(self.store), self.look.condition)

    @cached_property
    def _tables(self) -> dict[str, Frame]:
        return {name: self.store.table(name) for name in self.store.tables()}

    def table(self, name: str) -> Frame | None:
        """A table, or None if it is missing or empty."""
        frame = self._tables.get(name)
        frame = None if frame is None else of_condition(frame, self.look.condition)
        return None if frame is None or frame.empty else frame

    def every_condition(self, name: str) -> Frame | None:
        """A table of a study of embeddings with the rows of every condition; None if it is missing."""
        return self._tables.get(name)

    def recorded(self, *keys: str) -> Any:
        """A nested value of the manifest, or None: `recorded("study", "attack", "eps")`."""
        value: Any = self.manifest
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def gallery(self) -> str:
        """A sentence, with a space before it, where the gallery is not of training images; else empty."""
        if not self.recorded("data", "shared"):
            return ""
        return " The study has only test images: each is compared with the others."

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.recorded("study", "name") or self.store.path.name)

    @cached_property
    def methods(self) -> list[str]:
        """Methods of any table, in the usual order."""
        names = [name for frame in self._tables.values() if "method" in frame for name in frame["method"].unique()]
        return methods_of(names)

    def label(self, method: str) -> str:
        """Label of a method."""
        return self.look.methods(self.methods)[method].label

    @cached_property
    def eps(self) -> float:
        """The eps of the main comparison; nan without attacks."""
        attacks = self.table("attacks")
        return float("nan") if attacks is None else main_eps(attacks)

    @cached_property
    def accuracies(self) -> Frame | None:
        """Accuracy per method and attack at `eps`, "clean" and "worst" among the attacks; None without attacks."""
        attacks = self.table("attacks")
        if attacks is None:
            return None
        return accuracy_and_worst(at_eps(attacks))

    @cached_property
    def shifted(self) -> Frame | None:
        """The `shift` table of the main attack at its smallest eps, first seed."""
        shift = self.table("shift")
        if shift is None:
            return None
        rows = first_seed(shift[shift["attack"] != "noise"])
        return rows[rows["eps"] == rows["eps"].min()]
