"""Shared code of source declarations."""
