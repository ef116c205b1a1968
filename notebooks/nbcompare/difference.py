"""One difference from what was stored."""

from typing import NamedTuple


class Difference(NamedTuple):
    """One difference from what was stored.

    Attributes:
        where: Place in the output: "data[0].x", "stdout, line 3".
        what: What was stored, what came now, how far apart they are.
        fatal: True if the cell fails; other differences are pointed out in the summary.
    """

    where: str
    what: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.where.strip()}: {self.what}"

    def inside(self, outer: str) -> "Difference":
        """The same difference, seen from one level further out."""
        return self._replace(where=f"{outer}{self.where}")
