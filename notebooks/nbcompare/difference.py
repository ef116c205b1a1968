"""One thing that is not as it was stored."""

from typing import NamedTuple


class Difference(NamedTuple):
    """One thing that is not as it was stored.

    Attributes:
        where: Place in the output: "data[0].x", "stdout, line 3".
        what: What was stored, what came, how far apart they are.
        fatal: True if the cell fails; a difference that is not fatal is pointed out in the summary.
    """

    where: str
    what: str
    fatal: bool

    def __str__(self) -> str:
        return f"{self.where.strip()}: {self.what}"

    def inside(self, outer: str) -> "Difference":
        """The same difference, seen from one level further out."""
        return self._replace(where=f"{outer}{self.where}")
