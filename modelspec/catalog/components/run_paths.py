"""Paths of files that callbacks write: relative to the run folder, and inside it."""

import re
from string import Formatter
from typing import Annotated, Any

from pydantic import PlainValidator

from modelspec.core.run_names import is_own
from modelspec.core.settings import Unfit

_PART = re.compile(r"[^\x00-\x1f\x7f\\:]{1,200}")
_FIELD = re.compile(r"[^\W\d][\w \-+]*")
_FORMAT = re.compile(r"(0?[0-9]{1,2})?(\.[0-9]{1,2})?[defg%]?")


def run_path(value: Any) -> str:
    """A path inside the run folder that is valid on every system, and not of a file of the run."""
    if not isinstance(value, str):
        raise Unfit("a path")
    if not all(map(_is_plain, value.split("/"))):
        raise Unfit(
            "a path inside the run folder",
            code="MS210",
            help="use a relative path, e.g. `log.csv` or `logs/log.csv`",
        )
    first = value.partition("/")[0]
    if is_own(first):
        raise Unfit(
            "a path that the run itself does not write",
            code="MS210",
            help=f"use another name: `{first}` in the run folder belongs to the run",
        )
    return value


def _is_plain(part: str) -> bool:
    """Whether a part of a path is a valid file or folder name on every system."""
    if part in ("", ".", "..") or part.startswith("~"):
        return False
    return _PART.fullmatch(part) is not None


def placeholders(path: str) -> tuple[str, ...]:
    """The fields in braces: `epoch` and `val_loss` in `{epoch:02d}-{val_loss:.2f}.keras`."""
    return tuple(name for _, name, _, _ in Formatter().parse(path) if name is not None)


def _template(value: Any) -> str:
    """A path with fields such as `{epoch:02d}`: names of logs with short formats only.

    Python's formats can also access attributes (`{epoch.real}`) and use up memory
    (`{epoch:999999999}`).
    """
    if not isinstance(value, str):
        raise Unfit("a path")
    expected = (
        "a path whose braces contain the name of a log and a format: `{epoch:02d}`,"
        " `{val_loss:.2f}`"
    )
    try:
        parts = list(Formatter().parse(value))
    except ValueError:
        raise Unfit(
            expected, code="MS205", help="close every brace, and write `{{` for a literal brace"
        ) from None
    for _, name, form, conversion in parts:
        if name is not None and (conversion or not _is_log(name, form or "")):
            raise Unfit(expected, code="MS205")
    run_path("".join(text + ("" if name is None else "0") for text, name, _, _ in parts))
    return value


def _is_log(name: str, form: str) -> bool:
    """Whether braces contain the name of a log and a valid format."""
    if not _FIELD.fullmatch(name) or not _FORMAT.fullmatch(form):
        return False
    # Logs are floating-point numbers; only the counters are integers, and have no precision.
    if name in ("epoch", "batch"):
        return "." not in form or form.endswith(("e", "f", "g", "%"))
    return not form.endswith("d")


RunPath = Annotated[str, PlainValidator(run_path, json_schema_input_type=str)]
"""A path relative to the run folder, and inside it."""
RunTemplate = Annotated[str, PlainValidator(_template, json_schema_input_type=str)]
"""The same, with `{epoch}` and names of logs as fields."""
