"""Rows of a study's tables that the pages show: one module per page, and `shared` for what several need."""
