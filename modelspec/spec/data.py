"""The `data` section as written: sources, split, and which columns feed which input and target."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, model_validator

from ..catalogue import Catalogue
from ..diagnostics import Fault, Path, Span, listed, nearest
from ..paths import ProjectPath
from ..settings import Context, Faults, Section, Settings, Unfit, describe, read_form
from ..source import Mapping, Node, Scalar, Sequence, locate, plain
from .report import Report, recovered

SOURCES = Catalogue("source", "modelspec.spec", {"data": ("csv", "npz", "dataset")})
LATER_SOURCES = ("hdf5", "parquet", "jsonl", "arrow", "feather", "tfrecord", "images", "text", "npy", "idx")
DATASETS = ("digits", "iris", "wine", "breast_cancer", "diabetes")
SPLITS = ("train", "validation", "test")
"""The parts of the data, in the order in which they are cut."""


class csv(Settings):
    """A table in a text file, one row a line; the first line names the columns.

    ```yaml
    source: {csv: {path: measures.tsv, delimiter: "\\t"}}
    ```
    """

    path: ProjectPath
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    header: tuple[str, ...] | None = None
    """Names of the columns, for a file whose first line is an example already."""


class npz(Settings):
    """Named arrays, as `numpy.savez` writes them; every array's first axis counts the examples.

    ```yaml
    source: {npz: mnist.npz}
    ```
    """

    path: ProjectPath


def _dataset_name(value: Any) -> str:
    if value in DATASETS:
        return str(value)
    near = nearest(value, DATASETS) if isinstance(value, str) else None
    raise Unfit(f"an embedded data set ({listed(DATASETS, 'or')})", code="MS205", suggestion=near,
                help=f"did you mean `{near}`?" if near else None)


class dataset(Settings):
    """A data set that comes with scikit-learn: `digits` (1,797 images of 8x8), `iris`, `wine`, `breast_cancer`,
    `diabetes`.

    ```yaml
    source: {dataset: digits}
    ```
    """

    name: Annotated[str, PlainValidator(_dataset_name, json_schema_input_type=Literal[DATASETS])]


Fraction = Annotated[float, Field(ge=0, lt=1)]


class Split(Section):
    """What of the source is kept for validation and for the test.

    ```yaml
    split: {validation: 0.15, test: 0.15, stratify: species}
    ```
    """

    title: ClassVar[str] = "split"

    validation: Fraction = 0.0
    test: Fraction = 0.0
    stratify: str | None = None
    """A column whose values have the same shares in every part."""

    @model_validator(mode="after")
    def _leaves_some(self) -> Split:
        if self.validation + self.test >= 1:
            raise Fault("MS205", f"validation {self.validation} and test {self.test} leave nothing to train on",
                        ("test",), help="use fractions that add up to less than 1")
        return self


class Feature(Section):
    """What feeds one input or target: one column (or array), or several stacked into a vector."""

    title: ClassVar[str] = "a feature"

    column: str | None = None
    columns: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Feature:
        if self.columns == ():
            raise Fault("MS205", "`columns` must name at least one column", ("columns",))
        if (self.column is None) == (self.columns is None):
            raise Fault("MS203" if self.column is None else "MS208", "a feature has either `column` or `columns`", (),
                        at_key=True, help="write e.g. `{column: age}` or `{columns: [age, income]}`")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.columns or ()


_LATER_IN_FEATURE = ("transform", "missing", "augment", "pad", "sequence")
_LATER_IN_DATA = ("weights", "class_weight", "augment", "cache")
_KEYS = ("source", *SPLITS, "split", "inputs", "targets")


@dataclass(frozen=True)
class DataSection:
    """The data of a spec."""

    span: Span
    sources: MappingType[str, Settings]
    """By split; one source that is cut by `split` stands under `train`."""
    source_spans: MappingType[str, Span]
    split: Split | None
    inputs: MappingType[str, Feature] | None
    """By model input; None: one input, fed with everything that is no target."""
    targets: MappingType[str, Feature] | None
    """By model output."""
    spans: MappingType[Path, Span]
    """Places for faults that only the data shows: `("inputs", "image")` and, below a feature, each of its columns;
    `("split", "stratify")`."""
    split_in_error: bool = False
    """There is a `split`, but which parts it makes is not known."""


def read_data(
    node: Node, inputs: SequenceType[str], outputs: SequenceType[str], context: Context, report: Report
) -> DataSection | None:
    """The `data` section of a model with these inputs and outputs."""
    if not isinstance(node, Mapping):
        report.error("MS204", f"`data` must be a mapping, found {describe(plain(node))}", node.span)
        return None
    node = recovered(node, (*_KEYS, *_LATER_IN_DATA), "data", report)
    _refuse_later(node, report)
    sources, spans = _sources(node, context, report)
    split = None
    if entry := node.entries.get("split"):
        split = report.read(Split, entry.value, entry.key_span, context)
        if "source" not in node.entries and sources:
            report.error("MS208", "`split` cuts one `source`, but the parts are given one by one", entry.key_span,
                         help="remove `split`, or give one `source`")
    places = _split_places(node)
    features = {
        key: _features(node.entries[key].value, key, names, places, context, report) if key in node.entries else None
        for key, names in (("inputs", inputs), ("targets", outputs))
    }
    if "inputs" not in node.entries and len(inputs) > 1:
        report.error("MS502", f"the model has {len(inputs)} inputs, and `data` does not say what feeds them",
                     _first_key(node, *SPLITS, "source") or node.span,
                     help=f"add `inputs: {{{', '.join(f'{name}: ...' for name in inputs[:3])}}}`")
    return DataSection(node.span, sources, spans, split, features["inputs"], features["targets"], places,
                       split_in_error=split is None and "split" in node.entries)


def _first_key(node: Mapping, *keys: str) -> Span | None:
    """The first of some keys that stands in the mapping."""
    return next((node.entries[key].key_span for key in keys if key in node.entries), None)


def _split_places(node: Mapping) -> dict[Path, Span]:
    entry = node.entries.get("split")
    span = locate(entry.value, ("stratify",)) if entry else None
    return {("split", "stratify"): span} if span else {}


def _refuse_later(node: Mapping, report: Report) -> None:
    for key in _LATER_IN_DATA:
        if entry := node.entries.get(key):
            report.error("MS209", f"`data.{key}` is not part of this version of modelspec", entry.key_span)


def _sources(node: Mapping, context: Context, report: Report) -> tuple[dict[str, Settings], dict[str, Span]]:
    given = [key for key in ("source", *SPLITS) if key in node.entries]
    if not given:
        report.error("MS203", "`data` needs a `source`, or `train` with a source", node.span,
                     help="e.g. `source: {csv: table.csv}`")
    elif "source" in given and len(given) > 1:
        report.error("MS208", f"`source` stands beside `{given[1]}`: give one source with a `split`, or the parts one "
                              "by one", node.entries[given[1]].key_span)
    elif "source" not in given and "train" not in given:
        report.error("MS203", "`data` needs `train`, beside the parts it has", node.span)
    found: dict[str, Settings] = {}
    spans: dict[str, Span] = {}
    for key in given:
        part = "train" if key == "source" else key
        spans[part] = node.entries[key].value.span
        source = _source(node.entries[key].value, node.entries[key].key_span, context, report)
        if source is not None:
            found[part] = source
    return found, spans


def _source(node: Node, span: Span, context: Context, report: Report) -> Settings | None:
    value = plain(node)
    name = next(iter(value), None) if isinstance(value, dict) else value
    if name in LATER_SOURCES:
        report.error("MS209", f"`{name}` sources are not part of this version of modelspec", node.span,
                     help=f"this version reads {listed(list(SOURCES.kinds()))}")
        return None
    try:
        return read_form(SOURCES, value, context)
    except Faults as error:
        for fault in error.faults:
            report.fault(fault, node, node.span)
        return None


def _features(
    node: Node, key: str, names: SequenceType[str], places: dict[Path, Span], context: Context, report: Report
) -> dict[str, Feature] | None:
    """Features by model input (or output); one that is written directly belongs to the only one there is."""
    noun = "input" if key == "inputs" else "output"
    direct = isinstance(node, (Scalar, Sequence)) or _is_feature(node, names)
    if direct:
        if len(names) > 1:
            report.error("MS501", f"the model has {len(names)} {noun}s ({listed(list(names))}), "
                                  f"so `data.{key}` must say which it feeds", node.span,
                         help=f"write `{key}: {{{names[0]}: ...}}`")
            return None
        feature = _feature(node, node.span, context, report)
        name = names[0] if names else ""
        _note_places(places, (key, name), node)
        return {name: feature} if feature and names else None
    assert isinstance(node, Mapping)
    found: dict[str, Feature] = {}
    for name, entry in node.entries.items():
        if names and name not in names:
            near = nearest(name, [n for n in names if n not in node.entries]) or nearest(name, names)
            report.error("MS501", f"the model has no {noun} `{name}`", entry.key_span, suggestion=near,
                         help=f"did you mean `{near}`?" if near else f"it has {listed(list(names))}")
            continue
        _note_places(places, (key, name), entry.value)
        if feature := _feature(entry.value, entry.key_span, context, report):
            found[name] = feature
    _missing(node, key, noun, names, report)
    return found


def _note_places(places: dict[Path, Span], path: Path, node: Node) -> None:
    """Where a feature stands, and each column in it."""
    places[path] = node.span
    if isinstance(node, Mapping):
        entry = node.entries.get("columns") or node.entries.get("column")
        if entry is None:
            return
        node = entry.value
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            places[(*path, item.value)] = item.span


def _missing(node: Mapping, key: str, noun: str, names: SequenceType[str], report: Report) -> None:
    """Every input needs data; an output without a target may be left untrained only on purpose."""
    unknown = [name for name in node.entries if name not in names]
    absent = [name for name in names if name not in node.entries and not nearest(name, unknown)]
    if key == "inputs" and absent:
        report.error("MS502", f"`data.inputs` feeds no {noun} {listed(absent)}", node.span,
                     help=f"add `{absent[0]}: {{column: ...}}`")


def _is_feature(node: Node, names: SequenceType[str]) -> bool:
    """Whether a mapping is one feature rather than features by name."""
    if not isinstance(node, Mapping) or any(key in names for key in node.entries):
        return False
    words = (*Feature.model_fields, *_LATER_IN_FEATURE)
    return any(key in words for key in node.entries)


def _feature(node: Node, span: Span, context: Context, report: Report) -> Feature | None:
    if isinstance(node, Mapping):
        later = [key for key in node.entries if key in _LATER_IN_FEATURE]
        for key in later:
            report.error("MS209", f"`{key}` is not part of this version of modelspec", node.entries[key].key_span)
        values = {key: value for key, value in _mapping(node).items() if key not in later}
        return report.read(Feature, node, span, context, values)
    value = plain(node)
    key = "columns" if isinstance(node, Sequence) else "column"
    return report.read(Feature, node, span, context, {key: value})


def _mapping(node: Mapping) -> dict[str, Any]:
    value = plain(node)
    assert isinstance(value, dict)
    return value
