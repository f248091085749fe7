"""`import modelspec.backend.layers` makes the layers of modelspec known to plain Keras.

Exports and documentation name this address, and users' scripts have it: it stays wherever the code
lives.
"""

from modelspec.runtime.backend.layers import *  # noqa: F403  # importing the module registers the layers
