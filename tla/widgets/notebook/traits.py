"""Traits that say in one sentence what is wrong with a value."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from tla.widgets.ids import checked_ids
from tla.widgets.packing import from_bits, to_bits


class IdsTrait(traitlets.TraitType):
    """Ids of images as a tuple, in ascending order without repeats; sent as a bit for each image of the widget.

    The widget has `known_ids`, the ascending ids of all its images.
    """

    default_value = ()
    info_text = "ids of images"

    def validate(self, obj: Any, value: Any) -> tuple[int, ...]:
        """The ids, if all are there.

        Raises:
            ValueError: names those that are not.
        """
        return checked_ids(value, obj.known_ids, self.name or "ids")


def ids_to_bits(value: Sequence[int], widget: Any) -> bytes:
    """The ids as the browser takes them."""
    return to_bits(np.isin(widget.known_ids, np.asarray(value, np.int64)))


def bits_to_ids(bits: Any, widget: Any) -> tuple[int, ...]:
    """The ids that the browser sent."""
    known = widget.known_ids
    return tuple(known[from_bits(bytes(bits or b""), len(known))].tolist())
