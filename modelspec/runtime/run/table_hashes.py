"""Hashes of data that must be opened to compute them: at a URL, or in files that a table names."""

from __future__ import annotations

from collections.abc import Mapping

from modelspec.compiler.pipeline import Compiled
from modelspec.core.places import is_address

from ..data import RunError, open_source
from ..data.errors import Findings
from ..data.file_columns import with_files
from .initial_weights import starting_weights


def table_hashes(compiled: Compiled) -> Mapping[str, str] | None:
    """SHA-256 of the data of each source of a spec, by part, and of downloaded weights; None if
    something cannot be opened. Loads no framework.
    """
    context, found = compiled.file.context, dict[str, str]()
    if compiled.data is None:
        return found
    try:
        for part, source in compiled.data.sources.items():
            findings = Findings()
            table = open_source(source, context, compiled.data.source_spans.get(part))
            table = with_files(table, compiled.data, context, findings)
            findings.stop_if_wrong()
            found[part] = table.fingerprint
        weights = starting_weights(compiled)
    except (RunError, OSError):
        return None
    return {**found, **{path: one for path, one in weights.items() if is_address(path)}}
