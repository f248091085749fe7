"""Spellings of Keras 1 and 2: understood, with a warning that shows today's."""

from .modernize import modernize

__all__ = ["modernize"]
