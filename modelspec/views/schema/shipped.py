"""The schema without plugins ships with the package: to compute it takes two seconds.

`python -m modelspec.views.schema.shipped` writes it anew; a test compares it with the computed one.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("modelspec.schema.json.gz")


def shipped() -> str:
    """The text of the schema of modelspec alone."""
    return gzip.decompress(FILE.read_bytes()).decode("utf-8")


def write() -> None:
    """Compute the schema, and write the file that ships."""
    from . import text

    FILE.write_bytes(gzip.compress(text().encode("utf-8"), mtime=0))


if __name__ == "__main__":
    write()
