"""`import modelspec.backend.layers` registers the layers of modelspec in Keras.

Exports, the documentation and scripts of users refer to this module path, so it does not change
when the code moves.
"""

from modelspec.runtime.backend.layers import *  # noqa: F403  # importing the module registers the layers
