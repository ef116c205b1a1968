"""The triplet loss by hand, in a notebook."""

from typing import Any, cast, get_args

import traitlets

from tla.distances import DistanceName
from tla.widgets.notebook.base import ModuleWidget
from tla.widgets.still_lab import still_triplet
from tla.widgets.triplets import REACH, LibraryLoss, TripletState, library_loss, read_points, triplet_data


class TripletPlane(ModuleWidget):
    """A plane with anchor, positive and negatives to drag; `loss` is what `tla.losses` computes for them.

    Attributes:
        state: Points and settings, a `TripletState`; set it and the view follows.
    """

    module = "triplet"
    shared = ("address",)

    state: Any = traitlets.Any(TripletState())
    address: Any = traitlets.Dict().tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        self._moved, self._reading = 0, False
        state = TripletState()._replace(**settings)
        super().__init__(triplet_data(state), state=state)
        self.observe(self._read, "address")
        self.observe(self._show, "state")

    @property
    def loss(self) -> float:
        """The loss of the triplet."""
        return self.found.loss

    @property
    def found(self) -> LibraryLoss:
        """The loss, and the index of the negative that it uses."""
        return library_loss(self.state)

    @property
    def title(self) -> str:
        """Heading of a saved page."""
        return "The triplet loss"

    def still(self) -> bytes:
        """The plane as a PNG."""
        words = f"loss {self.loss:.4f} with margin {self.state.alpha:g} ({self.state.distance})"
        return still_triplet(self.state._asdict(), REACH, words)

    def whole(self) -> dict[str, Any]:
        """The present points."""
        return triplet_data(self.state)

    def _read(self, change: Any) -> None:
        """What was dragged in the browser."""
        given = change["new"]
        drawn = given.get("drawn")
        self._reading = True
        try:
            self.state = TripletState(
                read_points(given["anchor"])[0],
                read_points(given["positive"])[0],
                read_points(given["negatives"]),
                float(given["alpha"]),
                cast(DistanceName, given["distance"]),
                None if drawn is None else int(drawn),
            )
        finally:
            self._reading = False

    def _show(self, change: Any) -> None:
        if self._reading:
            return
        self._moved += 1
        self.redraw(triplet_data(change["new"]) | {"moved": self._moved})

    @traitlets.validate("state")
    def _state(self, proposal: Any) -> TripletState:
        state = proposal["value"]
        if state.distance not in get_args(DistanceName):
            raise ValueError(f"distance must be one of {', '.join(get_args(DistanceName))}, got {state.distance!r}")
        if not 0 <= state.alpha <= 0.5:
            raise ValueError(f"alpha must be 0 to 0.5, got {state.alpha:g}")
        points = [state.anchor, state.positive, *state.negatives]
        if not state.negatives:
            raise ValueError("negatives must be 1 to 8 points, got none")
        return state._replace(**_placed(";".join(f"{x:g},{y:g}" for x, y in points)))

    def __repr__(self) -> str:
        return f"TripletPlane(loss {self.loss:.4f}, margin {self.state.alpha:g}, {self.state.distance})"


def _placed(text: str) -> dict[str, Any]:
    """Points inside the plane: anchor, positive, then the negatives."""
    pairs = text.split(";")
    anchor, positive = (read_points(one)[0] for one in pairs[:2])
    return {"anchor": anchor, "positive": positive, "negatives": read_points(";".join(pairs[2:]))}
