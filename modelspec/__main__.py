"""`python -m modelspec` is the command `modelspec`."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
