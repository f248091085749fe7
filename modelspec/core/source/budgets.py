"""Limits of a file; reading stops with an error where one is exceeded."""

from __future__ import annotations

from typing import Final

TEXT_BYTES: Final = 10_000_000
"""Bytes of text in one file (10 MB)."""

LEVELS: Final = 100
"""Mappings and lists inside one another, the top level counted, aliases followed."""

NODES: Final = 100_000
"""Keys and values in one file, an alias counted as often as it is used."""

LARGEST_INTEGER: Final = 2**63 - 1
SMALLEST_INTEGER: Final = -(2**63)

SHOWN_CHARACTERS: Final = 10
"""How many forbidden characters of one file are reported; a binary file has thousands."""

FAULTS: Final = 1_000
"""Faults that are reported for one file; reading stops after them."""
