"""Exploring: widgets for notebooks, pages without a server, and the ES modules that they share with the dashboard."""
