"""The names of the parts of a batch that only the terms of an objective read. No output of a model
can have such a name.
"""

from typing import Final

TARGET_PREFIX: Final = "target."
"""The beginning of the names of targets that no output is compared with."""
EXAMPLE_WEIGHTS: Final = "example weights."
"""The weights of the examples."""
