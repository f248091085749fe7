"""`modelspec import MODEL -o FILE`: converts a Keras model to a spec, on request with weights."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import status
from ..compiling import own_plugins
from ..examples import examples
from ..import_folder import compared_outputs, import_folder, is_folder
from ..import_stubs import stored, stub_files, write_stubs
from ..options import plugin_option, writable
from ..output import report, write

if TYPE_CHECKING:
    from modelspec.importers.import_model import Imported, Options
    from modelspec.importers.model_files import ModelFile

_WEIGHTS = (".safetensors", ".weights.h5")

ORDER = 140


@click.command(
    epilog=examples(
        "modelspec import model.keras -o model.yaml",
        "modelspec import old.h5 -o old.yaml --weights old.safetensors",
        "modelspec import model.json -o -",
        "modelspec import saved_model/ -o model.yaml",
        "modelspec import old.h5 -o old.yaml --stubs",
        "modelspec import models/ --verify --format json",
    )
)
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=(
        "Write the spec to FILE; `-` prints it. Of a folder: write every spec below this folder."
    ),
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=writable,
    metavar="FILE",
    help="Also write the weights, as `.safetensors` or `.weights.h5`; loads TensorFlow.",
)
@click.option(
    "--weights-from",
    "given",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The weights of a MODEL that is only an architecture: a `.weights.h5` or `.h5` file.",
)
@click.option(
    "--input-shape",
    "shape",
    metavar="SIZES",
    help="The shape of the input if the file does not contain it: `224,224,3`; `null`: unknown.",
)
@click.option(
    "--backend",
    type=click.Choice(["theano", "tensorflow"]),
    help=(
        "The backend on which a model of Keras 1 was trained, which its file does not contain:"
        " Theano flipped kernels."
    ),
)
@click.option("--flat", is_flag=True, help="List every layer, without blocks and loops.")
@click.option(
    "--placeholder",
    is_flag=True,
    help=(
        "Write `Identity`, or `Add` of several tensors, for an unsupported layer (a Lambda), with a"
        " comment where its formula is required."
    ),
)
@click.option(
    "--stubs",
    is_flag=True,
    help=(
        "Write a plugin beside the spec with a class for each custom layer, whose `call` is left to"
        " be written."
    ),
)
@click.option(
    "--verify",
    is_flag=True,
    help="Compare the outputs with those of Keras's own model, in another process.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The format of the table of a folder.",
)
@plugin_option
def command(
    model: Path,
    output: str | None,
    weights: Path | None,
    given: Path | None,
    shape: str | None,
    backend: str | None,
    form: str,
    **flags: bool,
) -> None:
    """Convert a Keras model to a spec.

    MODEL is a file: `.keras`, HDF5 (`.h5`) of Keras 1 to 3 and tf.keras, architecture JSON or YAML,
    or the `model.json` of TensorFlow.js; or the folder of a SavedModel of tf.keras. No code in it
    is run. Of another folder, every model below it is tried, and a table shows which ones can be
    imported.

    The exit status is 1 if a spec has errors, if `--stubs` left something to do, or if a model of a
    folder cannot be imported; 3 if weights cannot be read, or `--verify` finds other outputs.
    """
    from modelspec.importers.import_model import Options

    _check_usage(weights, given)
    sizes = _sizes(shape) if shape is not None else None
    options = Options(
        folded=not flags["flat"],
        placeholders=flags["placeholder"],
        input_shape=sizes,
        backend=backend or "",
        stubs=flags["stubs"],
    )
    with own_plugins():
        if is_folder(model):
            _check_folder_usage(weights, given, options)
            sys.exit(import_folder(model, output, options, form, verify=flags["verify"]))
        if output is None:
            raise click.UsageError("Missing option '-o' / '--output'.")
        _import_file(model, output, weights, given, options, verify=flags["verify"])


def _check_folder_usage(weights: Path | None, given: Path | None, options: Options) -> None:
    """Raises `click.UsageError` for options that apply to one model."""
    chosen = {
        "--weights": weights is not None,
        "--weights-from": given is not None,
        "--input-shape": options.input_shape is not None,
        "--stubs": options.stubs,
    }
    for option, is_given in chosen.items():
        if is_given:
            raise click.UsageError(f"`{option}` applies to one model file, not to a folder")


def _import_file(
    model: Path,
    output: str,
    weights: Path | None,
    given: Path | None,
    options: Options,
    *,
    verify: bool,
) -> None:
    stubs = stub_files(output) if options.stubs else None
    file, found, is_wrong = _imported(model, options)
    text = _text(found, model.name)
    if weights is not None:
        if given is None and not file.has_weights:
            raise click.UsageError(
                f"`{model}` is an architecture without weights: give them with "
                "`--weights-from`, or remove `--weights`"
            )
        _warn_of_backend(found, given or model)
        _write_weights(found, given or model, weights)
    _write_spec(text, output)
    left = write_stubs(found, stubs) if stubs is not None else ""
    is_equal, compared = compared_outputs(model, found, options) if verify else (True, "")
    write(_done(found, text, output, weights) + left + compared, sys.stderr)
    if is_wrong or found.stubs:
        sys.exit(status.ERRORS)
    if not is_equal:
        sys.exit(status.FAILED)


def _check_usage(weights: Path | None, given: Path | None) -> None:
    """Raises `click.UsageError` for invalid options about weights."""
    if weights is not None and not weights.name.endswith(_WEIGHTS):
        raise click.UsageError(
            f"the extension of `{weights}` must be {' or '.join(f'`{one}`' for one in _WEIGHTS)}"
        )
    if given is not None and weights is None:
        raise click.UsageError("`--weights-from` requires `--weights FILE`, the file to write")


def _sizes(text: str) -> tuple[int | None, ...]:
    parts = [part.strip() for part in text.strip("[]() ").split(",") if part.strip()]
    if not parts or not all(
        part in ("null", "None") or (part.isdecimal() and len(part) < 10) for part in parts
    ):
        raise click.UsageError(
            f"`--input-shape` must be a list of sizes such as `224,224,3`, found `{text}`"
        )
    return tuple(int(part) if part.isdecimal() else None for part in parts)


def _imported(path: Path, options: Options) -> tuple[ModelFile, Imported, bool]:
    """The file, its spec, and whether the spec has errors. Reports why and exits if there is no
    spec.
    """
    from modelspec.core.diagnostics import Diagnostic
    from modelspec.importers.architecture import Unreadable
    from modelspec.importers.import_model import import_model
    from modelspec.importers.model_files import read_model

    try:
        file = read_model(path)
    except Unreadable as error:
        report(
            [Diagnostic("MS743", "error", f"`{path}`: {error}", None, (), error.help)], sys.stderr
        )
        sys.exit(status.ERRORS)
    if options.stubs:
        options = replace(options, stored=stored(file, path))
    found = import_model(file.model, file.training, options)
    if found.diagnostics:
        report(found.diagnostics, sys.stderr)
    if found.value is None:
        sys.exit(status.ERRORS)
    return file, found.value, not found.ok


def _text(found: Imported, source: str) -> str:
    from modelspec.importers.reasons import by_reason
    from modelspec.views.resolve.dump import dump

    lines = [f"# Imported from {source if source.isprintable() else 'a file'}."]
    lines += [
        f"# {one.shown} {'replaces an' if len(one.names) == 1 else 'replace'} unsupported"
        f" layer{'s' * (len(one.names) > 1)}: {one.text}.\n"
        f'# Write its formula: `- Expression: {{formula: "...", name: {one.names[0]}}}`.'
        for one in by_reason((name, reason, None) for name, reason in found.placeholders)
    ]
    return "\n".join(lines) + f"\n{dump(found.spec)}"


def _write_spec(text: str, output: str) -> None:
    if output == "-":
        write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"`{output}` cannot be written: {error.strerror}") from error


def _warn_of_backend(found: Imported, source: Path) -> None:
    """Warns of kernels that may be flipped."""
    from modelspec.core.diagnostics import Diagnostic

    if not found.architecture.may_be_flipped:
        return
    message = f"`{source}` does not contain the backend of its model, and Theano flipped kernels"
    help = (
        "compare predictions with known ones, and add `--backend theano` if they differ;"
        " `--backend tensorflow` imports the kernels as they are without this warning"
    )
    report([Diagnostic("MS980", "warning", message, None, (), help)], sys.stderr)


def _write_weights(found: Imported, model: Path, weights: Path) -> None:
    from modelspec.runtime.data.errors import RunError

    if found.placeholders or found.stubs:
        raise click.UsageError(
            "weights can only be written for a model without placeholders and stubs: write the"
            " layers first, and import the model again with `--weights`"
        )
    try:
        from modelspec.runtime.backend.process_state import import_keras
        from modelspec.runtime.backend.weights.count_numbers import require_numbers

        require_numbers(found, model)
        import_keras()
        from modelspec.runtime.backend.imported_weights import write_weights

        write_weights(found, model, weights)
    except RunError as error:
        report(error.diagnostics, sys.stderr)
        sys.exit(status.FAILED)
    except OSError as error:
        raise click.ClickException(
            f"`{weights}` cannot be written: {error.strerror or error}"
        ) from error


def _done(found: Imported, text: str, output: str, weights: Path | None) -> str:
    from modelspec.importers.import_model import typed

    graph = typed(found.spec, found.context)
    count = len(found.architecture.layers)
    parameters = (
        f", {graph.parameters:,} parameters"
        if graph is not None and graph.parameters is not None
        else ""
    )
    lines = len(text.splitlines())
    where = "standard output" if output == "-" else output
    rest = f"; weights in {weights}" if weights is not None else ""
    if left := len(found.placeholders):
        rest += f"; {left:,} placeholder{'s' if left > 1 else ''} to replace by hand"
    return f"{count:,} layers{parameters}: {lines:,} lines in {where}{rest}"
