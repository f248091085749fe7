"""`run.generate` in Python."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np

from ...data import RunError, Table
from ...data.table import Array
from ..open_run import SavedRun
from ..prediction_outputs import arrays
from ..prediction_writer import joined
from ..row_sources import table_of
from .generate import TEXT, Identified, Source, generated, makes_examples
from .options import Generated

if TYPE_CHECKING:
    import keras

    from ..generating import Generating

_OF_TEXT = ("text", "length", "examples")


def of_run(
    run: SavedRun,
    prompts: Any,
    length: int | None,
    examples: int | None,
    options: Generating,
    model: keras.Model,
) -> str | list[str] | dict[str, Array]:
    """Texts, or arrays by name. Raises `RunError`."""
    of_examples = makes_examples(run.compiled)
    count, unfit = (examples, length) if of_examples else (length, examples)
    if count is None or unfit is not None:
        raise _wrong_count(of_examples, unfit is not None)
    chosen = Generated(count, **options)
    source = _source(run, prompts)
    numbered = Identified(numbered=isinstance(source, str))
    stream = generated(run, source, chosen, numbered, model)
    found = joined(list(stream))
    if of_examples:
        return arrays(found)
    texts = [str(text) for text in np.asarray(found.outputs[TEXT])]
    return texts[0] if isinstance(prompts, str) else texts


def _wrong_count(of_examples: bool, has_other: bool) -> RunError:
    """MS796 if the number that the run requires is missing, or another one is given."""
    kind, key, other = ("examples", "examples", "length") if of_examples else _OF_TEXT
    found = f"`{other}` does not apply to" if has_other else f"`{key}` is required for"
    before = "" if of_examples else "prompts, "
    return RunError.of(
        "MS796",
        f"{found} a run that generates {kind}",
        help=f"write e.g. `run.generate({before}{key}=40)`",
    )


def _source(run: SavedRun, prompts: Any) -> Source:
    if prompts is None:
        return None
    if isinstance(prompts, str):
        return (prompts,)
    if isinstance(prompts, PathLike):
        return str(fspath(prompts))
    if isinstance(prompts, (list, tuple)) and all(isinstance(one, str) for one in prompts):
        return tuple(prompts)
    table: Table = table_of(prompts, run.compiled)
    return table
