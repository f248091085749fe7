"""Pages of the kinds of the library: description, settings, usage, and number of parameters."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.catalog.library import is_kind, kinds
from modelspec.compiler.expand.library_kinds import Kind, load
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.source import plain

from ..schema.keras_pages import address
from ..schema.library_schema import settings
from .kind_pages import row
from .page import Page, Row, Table

TOPIC = "library"


def names(folded: str | None = None) -> list[str]:
    """Every kind; with `folded`, those of this name in any case."""
    return [name for name in kinds() if folded is None or name.lower() == folded.lower()]


def page(name: str) -> Page:
    """The page of a kind."""
    kind = load(name)
    read = settings(kind)
    needed = kind.block.required()
    rows = tuple(row(setting, schema, needed=setting in needed) for setting, schema in read.items())
    table = (Table("Settings", rows),) if rows else ()
    if kind.model is None:
        return Page(name, "block of the library", kind.description, table, tuple(_of_block(kind)))
    text = f"{kind.description}\n\n```yaml\n{_example(kind)}\n```"
    return Page(name, "model of the library", text, table, tuple(_of_model(kind)))


def setting(topic: str) -> Page | None:
    """The page of `ResNet50.pooling`."""
    name, _, wanted = topic.rpartition(".")
    if not is_kind(name):
        return None
    found = next((one for one in page(name).tables[0].rows if one.name == wanted), None)
    if found is None:
        return None
    notes = [f"Takes {found.takes}."]
    if found.default:
        notes.append(found.default_sentence)
    notes.append(f"See `modelspec explain {name}`.")
    return Page(topic, "setting of a kind of the library", found.text, notes=tuple(notes))


def list_page() -> Page:
    """Every kind of the library."""
    rows = tuple(Row(name, _first_sentence(load(name))) for name in kinds())
    text = (
        "Architectures and blocks that ship with modelspec, each as a spec. An entry of `layers`"
        " can use them like a layer: a model is then one layer, with separate weights at each use"
        " and the Keras names inside it. Under `shared`, several entries can call it with one set"
        " of weights. `extends: ResNet50` uses the spec of a model as the base of another spec: its"
        " `vars` are the settings, and its layers those of the model."
    )
    return Page(
        TOPIC,
        "",
        text,
        (Table("Kinds", rows, ("kind", "", "")),),
        ("`modelspec explain NAME` shows the page of each.",),
    )


def _example(kind: Kind) -> str:
    sizes = plain(kind.settings["input_shape"].value) if "input_shape" in kind.settings else None
    shape = list(sizes) if isinstance(sizes, tuple) else [224, 224, 3]
    lines = ["model:", f"  inputs: {{image: {shape}}}", "  layers:"]
    if "include_top" in kind.settings:
        body = "{include_top: false, pooling: avg, trainable: false}"
        lines.append(f"    - {kind.name}: {body}")
        lines.append("    - Dense: {units: 10, activation: softmax}")
    else:
        lines.append(f"    - {kind.name}: {{name: body}}")
    return "\n".join(lines)


def _of_model(kind: Kind) -> Iterator[str]:
    if (count := _parameters(kind)) is not None:
        yield f"It has {count:,} parameters."
    if page := address("library", kind.name):
        yield f"Keras documentation: {page}"
    primary = kind.block.primary
    sets = f", `- {kind.name}: ...` sets `{primary}`" if primary else ""
    yield f"`- {kind.name}` uses it with all defaults{sets}."
    yield (
        "As an entry of `layers` it also takes `name`, `from`, `call`, `when` and `repeat`."
        f" `extends: {kind.name}` builds a spec on it, with its settings under `vars`."
    )


def _of_block(kind: Kind) -> Iterator[str]:
    if kind.block.primary and not set(kind.block.required()) - {kind.block.primary}:
        yield f"`- {kind.name}: ...` sets `{kind.block.primary}`."
    if kind.block.inputs != ("input",):
        yield (
            f"It takes {len(kind.block.inputs)} tensors:"
            f" {', '.join(f'`{name}`' for name in kind.block.inputs)}."
        )
    yield (
        "As an entry of `layers` it also takes `name`, `from`, `when` and `repeat`; each use has"
        " separate weights."
    )


def _parameters(kind: Kind) -> int | None:
    """The inferred number of parameters of the model with all defaults."""
    checked = compile_spec({"extends": kind.name})
    if not checked.ok or checked.value is None or checked.value.graph is None:
        return None
    return checked.value.graph.parameters


def _first_sentence(kind: Kind) -> str:
    text = " ".join(kind.description.split())
    return text.partition(". ")[0].rstrip(".") + "."
