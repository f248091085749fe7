"""The error for a model that differs from what was inferred."""

from __future__ import annotations


class MismatchError(RuntimeError):
    """The built model differs from what was inferred, or Keras rejected a call that inference
    accepted.

    This is always a bug in modelspec, never an error of the spec: the message names the layer and
    both sides.
    """

    def __init__(self, message: str) -> None:
        super().__init__(
            f"{message}. This is a bug in modelspec, not in the spec. Please report it together"
            " with the spec."
        )
