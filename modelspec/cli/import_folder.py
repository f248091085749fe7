"""`modelspec import FOLDER`: one table of every model file below a folder, and `--verify`."""

from __future__ import annotations

import json
import math
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import status
from .output import write

if TYPE_CHECKING:
    from modelspec.importers.import_model import Imported, Options
    from modelspec.importers.model_files import ModelFile

_SECONDS = 300
"""The time in which the outputs of one model must be compared."""
_MOST_REASONS = 3
_READ, _WRONG, _NO_MODEL = "yes", "no", "no model"


@dataclass(frozen=True)
class Row:
    """One file."""

    file: str
    read: str
    """`yes`, `no`, or `no model`: weights alone, or another file."""
    weights: str = ""
    """Whether the file has weights, and with `--verify` whether the outputs are equal."""
    missing: str = ""
    """What prevents the import, or the comparison."""
    layers: int | None = None
    parameters: int | None = None
    difference: float | None = None
    """The largest difference between the outputs."""
    spec: str = ""
    """The written spec."""


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of models, not a SavedModel."""
    from modelspec.importers.saved_model import is_saved_model

    return path.is_dir() and not is_saved_model(path)


def import_folder(
    folder: Path, output: str | None, options: Options, form: str, *, verify: bool
) -> int:
    """Print the table of a folder, and write the specs below the folder `output`. Returns the exit
    status. Raises `click.UsageError`.
    """
    from modelspec.importers.folders import model_files, names_below

    if output == "-":
        raise click.UsageError("the specs of a folder cannot be printed: give a folder with `-o`")
    target = Path(output) if output is not None else None
    files = model_files(folder)
    rows: list[Row] = []
    with _comparer(verify) as comparer:
        for path, name in zip(files.paths, names_below(folder, files.paths), strict=True):
            rows.append(_row(path, name, target, options, comparer))
    if form == "json":
        write(_as_json(folder, rows, is_complete=files.is_complete))
    else:
        write(_as_text(rows, is_complete=files.is_complete, verify=verify))
    return _status(rows)


def _status(rows: Sequence[Row]) -> int:
    if any(row.weights == "differ" for row in rows):
        return status.FAILED
    return status.ERRORS if any(row.read == _WRONG for row in rows) else status.OK


def _row(
    path: Path, name: str, target: Path | None, options: Options, comparer: _Comparer | None
) -> Row:
    from modelspec.importers.architecture import NotAModel, Unreadable
    from modelspec.importers.import_model import import_model
    from modelspec.importers.model_files import read_model

    try:
        file = read_model(path)
        found = import_model(file.model, file.training, options)
    except Unreadable as error:
        read = _NO_MODEL if isinstance(error, NotAModel) else _WRONG
        return Row(name, read, missing=str(error))
    except Exception as error:  # noqa: BLE001  # ours; the other files are read all the same
        return Row(name, _WRONG, missing=f"internal error ({type(error).__name__}: {error})")
    errors = [one for one in found.diagnostics if one.severity == "error"]
    if found.value is None or errors:
        read = _NO_MODEL if any(one.code == NotAModel.code for one in errors) else _WRONG
        return Row(name, read, missing=_shortened([one.message for one in errors]))
    row = _of_model(name, found.value, file)
    if target is not None:
        row = replace(row, spec=str(_written(found.value, path, target, name)))
    return row if comparer is None else _with_outputs(row, comparer.answer(path, options), file)


def _of_model(name: str, found: Imported, file: ModelFile) -> Row:
    from modelspec.importers.import_model import typed

    graph = typed(found.spec)
    left = len(found.placeholders)
    return Row(
        name,
        _READ,
        "in the file" if file.has_weights else "none",
        f"{left:,} placeholder{'s' if left > 1 else ''} to replace" if left else "",
        len(found.architecture.layers),
        graph.parameters if graph is not None else None,
    )


def _shortened(reasons: Sequence[str]) -> str:
    """The reasons, each once, and the number of the others."""
    once = list(dict.fromkeys(" ".join(one.split()) for one in reasons))
    rest = len(once) - _MOST_REASONS
    return "; ".join(once[:_MOST_REASONS]) + (f"; {rest:,} more" if rest > 0 else "")


def _written(found: Imported, path: Path, target: Path, name: str) -> Path:
    """The spec of a model, written. Raises `click.ClickException`."""
    from modelspec.views.resolve.dump import dump

    place = target / f"{name}.yaml"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        shown = path.name if path.name.isprintable() else "a file"
        place.write_text(f"# Imported from {shown}.\n{dump(found.spec)}", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"`{place}` cannot be written: {error.strerror}") from error
    return place


# Outputs ------------------------------------------------------------------------------------------


def compared_outputs(path: Path, found: Imported, options: Options) -> tuple[bool, str]:
    """Whether the outputs do not differ, and what the last line says about them."""
    if found.placeholders or found.stubs:
        return True, "; outputs not compared: layers are left to be written"
    with _comparer(True) as comparer:
        assert comparer is not None
        answer = comparer.answer(path, options)
    if "reason" in answer:
        return True, f"; outputs not compared: {answer['reason']}"
    is_equal, shown = _is_close(answer), f"largest difference {answer['difference']:.1e}"
    return is_equal, f"; outputs {'equal' if is_equal else 'differ'} ({shown})"


def _is_close(answer: dict[str, Any]) -> bool:
    from modelspec.runtime.backend.compare_imported import CLOSE

    difference = answer["difference"]
    return math.isfinite(difference) and difference <= CLOSE * max(1.0, answer["largest"])


def _with_outputs(row: Row, answer: dict[str, Any], file: ModelFile) -> Row:
    """The row with the result of the comparison."""
    if "reason" in answer:
        reason = f"not compared: {answer['reason']}"
        return replace(row, missing="; ".join(filter(None, (row.missing, reason))))
    if not _is_close(answer):
        reason = f"outputs differ by {answer['difference']:.1e}"
        return replace(row, weights="differ", missing=reason, difference=answer["difference"])
    shown = "equal" if file.has_weights else "equal (random)"
    return replace(row, weights=shown, difference=answer["difference"])


@contextmanager
def _comparer(is_needed: bool) -> Iterator[_Comparer | None]:
    """The comparison of outputs; its process ends with the block."""
    if not is_needed:
        yield None
        return
    comparer = _Comparer()
    try:
        yield comparer
    finally:
        comparer.end()


class _Comparer:
    """A process that compares outputs, started again after a file that ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def answer(self, path: Path, options: Options) -> dict[str, Any]:
        """The answer about a file (`compare_imported.compared`)."""
        process = self._process or self._started()
        assert process.stdin is not None and process.stdout is not None
        question = json.dumps([str(path.absolute()), _as_plain(options)])
        timer = threading.Timer(_SECONDS, process.kill)
        timer.start()
        line = b""
        with suppress(OSError):
            process.stdin.write(question.encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        timer.cancel()
        if not line.endswith(b"\n"):
            self.end()
            return {"reason": "Keras ended the process, or took too long"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        from modelspec.core import sandbox as apart

        pipe = subprocess.PIPE
        self._process = apart.start(
            "modelspec.runtime.backend.compare_imported",
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
        )
        return self._process

    def end(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _as_plain(options: Options) -> dict[str, Any]:
    """The options that change the model."""
    return {
        "input_shape": options.input_shape,
        "backend": options.backend,
        "folded": options.folded,
    }


# Output -------------------------------------------------------------------------------------------


def _as_text(rows: Sequence[Row], *, is_complete: bool, verify: bool) -> str:
    from modelspec.core.text_table import text_table

    if not rows:
        return "no model files" + ("" if is_complete else " in the part that was searched")
    cells = [(row.file, row.read, row.weights, row.missing) for row in rows]
    lines = [text_table(("file", "read", "weights", "missing"), cells, left=range(4)), ""]
    lines.append(_totals(rows, verify=verify))
    if not is_complete:
        lines.append("the folder has more files than are searched: give its folders one by one")
    return "\n".join(lines)


def _totals(rows: Sequence[Row], *, verify: bool) -> str:
    counts = Counter(row.read for row in rows)
    parts = [f"{len(rows):,} file{'s' if len(rows) > 1 else ''}", f"{counts[_READ]:,} imported"]
    if verify:
        equal = sum(row.weights.startswith("equal") for row in rows)
        differ = sum(row.weights == "differ" for row in rows)
        parts += [f"{equal:,} with equal outputs", f"{differ:,} with other outputs"]
    parts += [f"{counts[_WRONG]:,} not imported", f"{counts[_NO_MODEL]:,} without a model"]
    return ", ".join(parts)


def _as_json(folder: Path, rows: Sequence[Row], *, is_complete: bool) -> str:
    value = {"folder": str(folder), "complete": is_complete, "files": [asdict(row) for row in rows]}
    return json.dumps(value, indent=2)
