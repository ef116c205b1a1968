"""Widgets for notebooks (anywidget): importing one needs the extra 'notebooks'."""
