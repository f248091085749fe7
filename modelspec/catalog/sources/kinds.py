"""Sources of data as written: the kinds there are, and what the most used of them take."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.collector import Collector
from modelspec.core.diagnostics import listed, nearest
from modelspec.core.paths import ProjectPath, ProjectPaths
from modelspec.core.registry import Registry
from modelspec.core.settings import Context, Faults, Settings, Unfit, read_form, refuse
from modelspec.core.source import Node, plain

SOURCES = Registry(
    "source",
    "modelspec.catalog.sources",
    {
        "kinds": ("csv", "npz", "dataset"),
        "typed_tables": ("parquet", "arrow", "jsonl"),
        "array_files": ("npy", "hdf5", "tfrecord", "idx"),
        "file_folders": ("images", "text", "skipgrams"),
    },
    aliases={"feather": "arrow"},
)
EMBEDDED: Final = ("digits", "iris", "wine", "breast_cancer", "diabetes")
"""What comes with scikit-learn."""
FETCHED: Final = (
    "mnist",
    "fashion_mnist",
    "cifar10",
    "cifar100",
    "imdb",
    "reuters",
    "california_housing",
    "boston_housing",
)
"""What Keras fetches from a pinned address."""
DATASETS: Final = (*EMBEDDED, *FETCHED)


class csv(Settings):
    """A table in a text file, one row a line; the first line names the columns.

    ```yaml
    source: {csv: {path: measures.tsv, missing_values: ["", "-999"]}}
    ```

    Files are UTF-8, plain or compressed (`.gz`). Cells that hold the delimiter, a quote or a line
    break stand in quotes (`"`), and a quote in them is doubled. A column of which every cell is a
    number has numbers; any other has text. The delimiter is found where it is one of `,`, `;`, tab
    and `|` and only one of them makes a table; otherwise `delimiter` must say it. Several files
    (`path: [a.csv, b.csv]`, `path: part-*.csv`) have the same columns.
    """

    path: ProjectPaths
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    header: tuple[str, ...] | None = None
    """Names of the columns, for a file whose first line is an example already."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction in a number: with `,` a cell `1,5` is one and a half, and
    `1.5` is no number.
    """
    missing_values: tuple[str, ...] | None = None
    """Cells that stand for no value, beside the empty cell. By default, in columns of numbers
    alone: `NA`, `N/A`, `#N/A`, `NaN`, `null`, `None`, in any case.
    """

    @model_validator(mode="after")
    def _marks_differ(self) -> csv:
        if self.delimiter in ('"', "\n", "\r", "\0"):
            refuse("a quote or a line break cannot separate cells", "MS205", "delimiter")
        if self.delimiter is not None and self.delimiter == self.decimal:
            refuse(
                f"`{self.delimiter}` cannot separate cells and stand in numbers", "MS208", "decimal"
            )
        return self


class npz(Settings):
    """Named arrays, as `numpy.savez` writes them; every array's first axis counts the examples.

    ```yaml
    source: {npz: mnist.npz}
    ```

    Nothing is unpickled: arrays of Python objects are refused.
    """

    path: ProjectPaths


def _dataset_name(value: Any) -> str:
    if value in DATASETS:
        return str(value)
    near = nearest(value, DATASETS) if isinstance(value, str) else None
    raise Unfit(
        f"a data set that modelspec knows ({listed(DATASETS, 'or')})",
        code="MS205",
        suggestion=near,
        help=f"did you mean `{near}`?" if near else None,
    )


class dataset(Settings):
    """A data set by its name.

    ```yaml
    source: {dataset: digits}
    ```

    These come with scikit-learn: `digits` (1,797 images of 8x8), `iris`, `wine`, `breast_cancer`,
    `diabetes`. Keras fetches these, once, from addresses and with hashes that it pins, and keeps
    them below `~/.keras/datasets`: `mnist`, `fashion_mnist`, `cifar10`, `cifar100`, `imdb`,
    `reuters`, `california_housing`, `boston_housing`.

    ```yaml
    train: {dataset: mnist}
    test: {dataset: {name: mnist, part: test}}
    ```

    Columns: `target`, and `image` for images, `tokens` (lists of word indices) for `imdb` and
    `reuters`, `features` for the others; `cifar100` has `coarse` too.
    """

    name: Annotated[str, PlainValidator(_dataset_name, json_schema_input_type=Literal[DATASETS])]
    part: Literal["train", "test"] | None = None
    """Which part of a data set that Keras fetches, as Keras cuts it; `train` by default."""
    path: ProjectPath | None = None
    """The file that Keras would fetch (`mnist.npz`), or for `fashion_mnist` the folder with its
    four, where they are on this machine already.
    """

    @model_validator(mode="after")
    def _parts_of_fetched(self) -> dataset:
        for setting in ("part", "path"):
            if self.name in EMBEDDED and getattr(self, setting) is not None:
                refuse(
                    f"`{self.name}` comes with scikit-learn, whole: it has no `{setting}`",
                    "MS208",
                    setting,
                    help=f"remove `{setting}`" if setting == "path" else "cut it with `split`",
                )
        return self


def read_source(node: Node, context: Context, report: Collector) -> Settings | None:
    """The settings of a source; None, and its faults in the report, where it has any."""
    try:
        return read_form(SOURCES, plain(node), context)
    except Faults as error:
        for fault in error.faults:
            report.fault(fault, node, node.span)
        return None
