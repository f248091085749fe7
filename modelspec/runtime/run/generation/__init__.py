"""Generation: text, token by token, and examples by the `generate` section of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ...backend.process_state import own_state
from ...data import RunError
from ..open_run import open_run
from ..predict import Stream, Written
from ..row_sources import is_same_file
from .generate import TEXT, Identified, Source, generated, makes_examples
from .loop import SEED
from .options import Generated

__all__ = [
    "SEED",
    "TEXT",
    "Generated",
    "Identified",
    "Source",
    "checked_output",
    "generate",
    "generated",
    "makes_examples",
    "written",
]


@own_state()
def generate(
    run_dir: str | PathLike[str],
    source: Source,
    *,
    id: str | None = None,
    keep: str | Sequence[str] = (),
    **options: Any,
) -> Stream:
    """What the run in a folder generates for `source`: a path or an open table, several prompts, or
    None. `options` are the fields of `Generated`. Raises `RunError`.
    """
    run = open_run(Path(fspath(run_dir)))
    return generated(run, source, Generated(**options), Identified(id, keep))


def checked_output(path: Path, source: str | None) -> None:
    """Raises `RunError` (MS711) if the file cannot be written, or is the one that is read."""
    from ..prediction_outputs import check_output

    check_output(path)
    if source is not None and is_same_file(source, path):
        raise RunError.of("MS711", f"`{path}` is the file that is read", help="choose another file")


def written(stream: Stream, path: Path, *, raw: bool = False) -> Written:
    """Writes what is generated to a file. Raises `RunError` (MS711)."""
    from ..prediction_writer import write_output

    write_output(stream, stream.rows, path, raw=raw)
    return Written(path, stream.rows, stream.warnings)
