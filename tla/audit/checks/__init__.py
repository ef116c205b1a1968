"""The audit checks, one per file."""
