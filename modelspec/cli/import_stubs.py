"""`modelspec import --stubs`: the two modules of a plugin beside the spec."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from modelspec.importers.import_model import Imported
    from modelspec.importers.model_files import ModelFile


class StubFiles(NamedTuple):
    """The modules of a plugin stub."""

    declarations: Path
    keras: Path


def stub_files(output: str | None) -> StubFiles:
    """The modules beside the spec `output`. Raises `click.UsageError` without a file, and for a
    module that exists: code that somebody wrote is never replaced.
    """
    if output in (None, "-"):
        raise click.UsageError("`--stubs` writes modules beside the spec: give it with `-o FILE`")
    spec = Path(str(output))
    name = re.sub(r"\W+", "_", spec.stem, flags=re.ASCII).strip("_").lower()
    name = name if name[:1].isalpha() else f"model_{name}".rstrip("_")
    files = StubFiles(spec.with_name(f"{name}_layers.py"), spec.with_name(f"{name}_keras.py"))
    for path in files:
        if path.exists():
            raise click.UsageError(
                f"`{path}` already exists and is not replaced: move it, or give `-o` another name"
            )
    return files


def stored(file: ModelFile, path: Path) -> Mapping[str, Sequence[tuple[str, tuple[int, ...]]]]:
    """The weights in a model file, by layer; none if it has none that can be read."""
    if not file.has_weights:
        return {}
    from modelspec.errors import RunError
    from modelspec.importers.architecture import Unreadable
    from modelspec.importers.keras_json import architecture
    from modelspec.runtime.backend.hdf5.stored_shapes import stored_shapes

    try:
        return stored_shapes(path, architecture(file.model))
    except (RunError, Unreadable, RecursionError):  # the import itself reports what is wrong
        return {}


def write_stubs(found: Imported, files: StubFiles) -> str:
    """Write the modules; returns what is left to do, for the last line. Raises
    `click.ClickException`.
    """
    if not found.stubs:
        return "; no custom layers, so no stubs"
    from modelspec.importers.stub_text import declarations, keras_classes

    texts = (declarations(found.stubs, files.keras.stem), keras_classes(found.stubs))
    for path, text in zip(files, texts, strict=True):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise click.ClickException(f"`{path}` cannot be written: {error.strerror}") from error
    count = len(found.stubs)
    classes = f"{count:,} custom class{'es' if count > 1 else ''}"
    return (
        f"; left to do: write the `call` of {classes} in {files.keras}, check the shapes in"
        f" {files.declarations}, and add `{files.declarations.stem}` to `plugins`"
        " (`modelspec explain MS847`)"
    )
