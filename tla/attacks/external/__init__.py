"""Attacks of other libraries behind the same call."""
