"""`predict --generate`: text by a run that predicts the next token, or examples by the `generate`
section of its spec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ...backend.process_state import own_state
from ...data import RunError, Table
from ...data.columns import binding_of
from ...data.random_inputs import inputs_of
from ...data.table import Array
from ..carried_columns import carried
from ..open_run import SavedRun, table_for
from ..predict import Stream
from ..prediction_rows import Predictions
from ..row_sources import table_of_rows
from ..run_data import loader, prepared_source, saved_state
from .loop import NO_ROWS, SEED, Rows, examples, generation_of, most_examples
from .next_token import NextToken, next_token
from .options import Generated
from .texts import Answer, Prompts, Writer

if TYPE_CHECKING:
    import keras

TEXT, SCORE = "generated", "score"
"""The columns of a generated text, and of its score by a beam search."""
Source = str | Table | Sequence[str] | None
"""A SOURCE as written, an open table, prompts, or nothing."""


@dataclass(frozen=True)
class Identified:
    """The columns that identify the rows of what is generated."""

    id: str | None = None
    keep: str | Sequence[str] = ()
    numbered: bool = True


def makes_examples(compiled: Compiled) -> bool:
    """Whether a run generates by the `generate` section of its spec; otherwise, text."""
    return compiled.file.generation is not None


@own_state()
def generated(
    run: SavedRun,
    source: Source,
    options: Generated,
    named: Identified,
    model: keras.Model | None = None,
) -> Stream:
    """Texts or examples for every row of `source`, computed batch by batch. Raises `RunError`:
    MS792 to MS796, MS798, and the errors of predictions.
    """
    options = options.checked()
    seed = run.compiled.file.seed if options.seed is None else options.seed
    if makes_examples(run.compiled):
        return _examples(run, source, options, named, seed, model)
    return _texts(run, source, options, named, seed, model)


def _batch_size(run: SavedRun, options: Generated) -> int:
    training = run.compiled.training
    return options.batch_size or (training.batch_size if training is not None else 32)


# Examples -----------------------------------------------------------------------------------------


def _examples(
    run: SavedRun,
    source: Source,
    options: Generated,
    named: Identified,
    seed: int,
    model: keras.Model | None,
) -> Stream:
    if options.of_text:
        raise RunError.of(
            "MS796",
            f"`{options.of_text[0]}` applies to generated text, but this run generates examples by"
            " the `generate` section of its spec",
            help="omit it",
        )
    if source is not None and not isinstance(source, (str, Table)):
        raise RunError.of(
            "MS798",
            "this run generates examples by the `generate` section of its spec: it has no prompt",
            help="omit the prompt",
        )
    generation = generation_of(run.compiled)
    needed = generation.from_rows
    if needed and source is None:
        names = ", ".join(f"`{name}`" for name in needed)
        raise RunError.of(
            "MS798",
            f"the inputs {names} are those of rows, and there are no rows",
            help="name their source: `--data FILE`",
        )
    rows, warnings = NO_ROWS, run.warnings
    if source is not None:
        rows, warnings = _rows(run, source, needed, named)
    size = min(_batch_size(run, options), most_examples(generation))

    def batches() -> Iterator[Predictions]:
        for batch in examples(run, rows, options.count, seed, size, model):
            yield replace(batch, warnings=warnings)

    return Stream(rows.count * options.count, warnings, batches)


def _rows(
    run: SavedRun, source: str | Table, names: tuple[str, ...], named: Identified
) -> tuple[Rows, tuple[Diagnostic, ...]]:
    """The rows of a source, with the prepared values of some inputs."""
    table = source if isinstance(source, Table) else table_for(run, source)
    if not names:
        raise RunError.of(
            "MS798",
            "nothing that `generate` computes depends on rows",
            help="omit `--data`",
        )
    values, rows, warnings = _prepared(run, table, names)
    return Rows(values, _identified(table, rows, named, ()), len(rows)), warnings


def _prepared(
    run: SavedRun, table: Table, names: tuple[str, ...]
) -> tuple[dict[str, Array], Array, tuple[Diagnostic, ...]]:
    """The prepared values of some inputs of the model, and the rows of the table that have them."""
    data = run.compiled.data
    assert data is not None
    features = data.inputs
    kept = None if features is None else {n: one for n, one in features.items() if n in names}
    compiled = replace(run.compiled, data=replace(data, inputs=kept))
    made, _, found = prepared_source(compiled, table, run.directory, with_targets=False)
    values = {name: one for name, one in inputs_of(made).items() if name in names}
    rows = np.arange(made.count) if made.rows is None else made.rows
    return values, rows, (*run.warnings, *found)


def _identified(
    table: Table, rows: Array, named: Identified, shown: tuple[str, ...]
) -> Mapping[str, Array]:
    """The columns that identify some rows of a table, and those that are `shown`."""
    keep: Any = named.keep
    if keep != "all":
        keep = (*shown, *((keep,) if isinstance(keep, str) else keep))
    found = carried(table, rows, id=named.id, keep=keep, numbered=named.numbered)
    return next(iter(found.batches(iter([len(rows)]))))


# Texts --------------------------------------------------------------------------------------------


def _texts(
    run: SavedRun,
    source: Source,
    options: Generated,
    named: Identified,
    seed: int,
    model: keras.Model | None,
) -> Stream:
    compiled = run.compiled
    loader(compiled)()
    found = next_token(compiled, saved_state(compiled, run.directory))
    table = _prompt_table(run, source, found)
    texts = source if isinstance(source, (list, tuple)) else None
    prompts, count, warnings = _prompts(run, table, texts, found, options)
    shown = () if isinstance(source, (list, tuple)) else _text_columns(found)
    numbered = replace(named, numbered=named.numbered and not isinstance(source, (list, tuple)))
    ids = _identified(table, np.arange(count), numbered, shown)
    size = _batch_size(run, options)

    def batches() -> Iterator[Predictions]:
        from ..framework_errors import as_run_error

        with as_run_error("the text cannot be generated"), own_state():
            loaded = model if model is not None else run.model(measured=False)
            writer = Writer(loaded, found, options, seed)
            answers = writer.answers(prompts, size)
        start = 0
        while start < count:
            with as_run_error("the text cannot be generated"), own_state():
                part = [next(answers) for _ in range(min(size, count - start))]
            chosen = {name: values[start : start + len(part)] for name, values in ids.items()}
            yield Predictions(_columns(part, seed), {}, warnings, ids=chosen)
            start += len(part)

    return Stream(count, warnings, batches)


def _columns(answers: list[Answer], seed: int) -> dict[str, Array]:
    texts = np.empty(len(answers), object)
    texts[:] = [one.text for one in answers]
    scores = [one.score for one in answers if one.score is not None]
    found: dict[str, Array] = {TEXT: texts}
    if scores:
        return {**found, SCORE: np.array(scores)}
    return {**found, SEED: np.full(len(answers), seed, np.uint64)}


def _text_columns(found: NextToken) -> tuple[str, ...]:
    """The columns with the texts that are read."""
    if not found.is_translator:
        return (found.decoder.column,)
    bounds = binding_of(found.decoder.compiled).inputs
    return tuple(dict.fromkeys(name for one in found.readers for name in bounds[one].names))


def _prompt_table(run: SavedRun, source: Source, found: NextToken) -> Table:
    """The table of the prompts. Raises `RunError` (MS798)."""
    if isinstance(source, Table):
        return source
    if isinstance(source, str):
        return table_for(run, source)
    if source is None:
        raise RunError.of(
            "MS798",
            "generated text requires a prompt, or a source of prompts",
            help="write `--prompt TEXT`, or `--data FILE`",
        )
    columns = _text_columns(found)
    if len(columns) != 1:
        names = ", ".join(f"`{name}`" for name in columns)
        raise RunError.of(
            "MS798",
            f"a prompt is one text, but the run reads the columns {names}",
            help="name a source with these columns: `--data FILE`",
        )
    return table_of_rows([{columns[0]: text} for text in source], "the prompt")


def _prompts(
    run: SavedRun,
    table: Table,
    texts: Sequence[str] | None,
    found: NextToken,
    options: Generated,
) -> tuple[Prompts, int, tuple[Diagnostic, ...]]:
    """The tokens that texts begin with, the number of rows, and warnings."""
    context: dict[str, Array] = {}
    warnings, count = run.warnings, 0
    if found.context:
        context, rows, warnings = _prepared(run, table, found.context)
        count = len(rows)
    if found.is_translator:
        begun = (*found.decoder.marks[0], *_start(found, options))
        tokens: list[list[int]] = [list(begun) for _ in range(count)]
    else:
        if options.start is not None:
            raise RunError.of(
                "MS796",
                "`start` applies to sequence-to-sequence models; here, the prompt is the start",
                help="write it at the beginning of the prompt",
            )
        read = found.decoder
        tokens = read.of_table(table) if texts is None else read.of_prompts(texts)
        warnings += tuple(_unknown(tokens, found))
    _check_begun(tokens, table, found)
    return Prompts(tokens, context), len(tokens), warnings


def _start(found: NextToken, options: Generated) -> list[int]:
    return [] if options.start is None else found.decoder.tokens_of([options.start])[0]


def _check_begun(tokens: Sequence[Sequence[int]], table: Table, found: NextToken) -> None:
    """Raises `RunError` (MS795) for a row whose text has nothing to begin with."""
    if not found.ahead:
        return
    for row, one in enumerate(tokens):
        if one:
            continue
        if found.is_translator:
            raise RunError.of(
                "MS795",
                "the answer has no token to begin with: the texts of"
                f" `{found.decoder.column}` have no mark at the start",
                help="name the text that answers begin with: `--start TEXT`; or train with `Marks`",
            )
        raise RunError.of(
            "MS795",
            f"{table.place(found.decoder.column, (row,))}: the prompt has no tokens",
            help="write a text that contains tokens of the vocabulary",
        )


def _unknown(tokens: Sequence[Sequence[int]], found: NextToken) -> Iterator[Diagnostic]:
    """MS797 if tokens of prompts are not in the vocabulary."""
    unknown = found.decoder.vocabulary.unknown
    count = sum(token in unknown for one in tokens for token in one)
    if count:
        every = sum(map(len, tokens))
        yield Diagnostic(
            "MS797",
            "warning",
            f"{count:,} of {every:,} tokens of the prompts are not in the vocabulary of the run",
            None,
            (),
            "the run reads each of them as the token for unknown words",
        )
