"""Sources with one file per column."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Fault
from modelspec.core.paths import ProjectPath
from modelspec.core.settings import Context, Faults, Settings, Unfit, context_of
from modelspec.core.source import Value

from .source import Source


class _OneFile(Settings):
    path: ProjectPath

    @classmethod
    def kind(cls) -> str:
        return "files"


def _files(value: Any, info: ValidationInfo) -> str | dict[str, str]:
    context = context_of(info)
    if isinstance(value, str):
        return _OneFile.build({"path": value}, context).path
    if not isinstance(value, dict) or not value:
        raise Unfit("the path of a file, or a mapping of column names to paths")
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for column, path in value.items():
        try:
            found[column] = _OneFile.build({"path": path}, context).path
        except Faults as error:
            faults += [replace(fault, path=(column,)) for fault in error.faults]
    if faults:
        raise Faults(faults)
    return found


class ColumnFiles(Source):
    """One file per column; the columns may be written directly after the name: `idx: {image: a.idx,
    label: b.idx}`.
    """

    spread_primary: ClassVar[bool] = True
    """Whether the columns may be written in place of the settings."""

    files: Annotated[
        str | Mapping[str, str], PlainValidator(_files, json_schema_input_type=str | dict[str, str])
    ]
    """One file per column, by name; a single file gives a column named like the file without its
    extensions.
    """

    @classmethod
    def from_body(cls, body: Value, context: Context) -> Self:
        if not isinstance(body, dict) or set(body) <= set(cls.model_fields):
            return super().from_body(body, context)
        try:
            return cls.build({"files": body}, context)
        except Faults as error:
            raise Faults(
                replace(fault, path=fault.path[1:] if fault.path[:1] == ("files",) else fault.path)
                for fault in error.faults
            ) from None

    def settings_like(self, path: str) -> dict[str, Any]:
        one = isinstance(self.files, str)
        return {"files": path if one else {next(iter(self.files)): path}}
