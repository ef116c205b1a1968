"""The report of a study: one page that shows it all, without a network."""

from tla.plots.report.page import write_report

__all__ = ["write_report"]
