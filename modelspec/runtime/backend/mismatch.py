"""The fault of a model that is not what was inferred."""

from __future__ import annotations


class MismatchError(RuntimeError):
    """The built model is not what was inferred, or Keras refused what was inferred to be right.

    Always a fault of modelspec, never of the spec: the message names the layer and both sides.
    """

    def __init__(self, message: str) -> None:
        super().__init__(
            f"{message}. This is a fault in modelspec, not in the spec: please report it with the"
            " spec."
        )
