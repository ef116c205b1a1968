"""The report of a study: one self-contained page with all its results."""

from tla.plots.report.page import write_report

__all__ = ["write_report"]
