"""Studies: the whole experiment, from images to a report."""

from tla.lazy import attach
from tla.study.locate import open_study

locate = open_study  # imported from here by the snippets of the dashboard

__getattr__, __dir__, __all__ = attach(__name__)
