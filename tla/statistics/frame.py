"""The type of a table."""

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    Frame = Any  # by pandas' own annotations any selection of a frame may be a Series or an array
else:
    Frame = pd.DataFrame
