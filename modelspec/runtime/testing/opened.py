"""Hashes of data that have to be opened; the data reader is loaded only then."""

from __future__ import annotations

from collections.abc import Mapping

from modelspec.compiler.pipeline import Compiled


def opened(compiled: Compiled) -> Mapping[str, str] | None:
    """Like `table_hashes`, which loads NumPy."""
    from ..run.table_hashes import table_hashes

    return table_hashes(compiled)
