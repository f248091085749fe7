"""Data sources as a function that reads the columns of a table."""

from __future__ import annotations

from codecs import lookup
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelspec.core.settings import Settings

from .feature_code import Preparing, Unsupported, columns_of
from .python_code import INDENT, Code, call, docstring, listed, literal, mapping, statement

_MARKS = ("", "na", "n/a", "#n/a", "nan", "null", "none")
"""Missing values of numbers in a CSV file, in lower case."""


@dataclass
class Reading(Preparing):
    """Writes `read_table`."""

    def columns(self) -> dict[str, bool]:
        """Every column that is read, and whether it contains strings. Raises `Unsupported`."""
        found = columns_of(self.job)
        split = self.job.compiled.data.split if self.job.compiled.data else None
        if split is not None and split.stratify and split.stratify not in found:
            raise Unsupported(f"a split by a column (`{split.stratify}`) that feeds nothing")
        return found

    def read(self) -> None:
        kinds = self.kinds
        readers: dict[str, Callable[[], None]] = {
            "csv": self._read_csv,
            "npz": self._read_npz,
            "dataset": self._read_dataset,
        }
        if len(kinds) > 1:
            raise Unsupported("sources of several kinds")
        kind = kinds.pop()
        if kind not in readers:
            raise Unsupported(f"data from `{kind}`")
        readers[kind]()

    def _read_csv(self) -> None:
        first = self.sources[0]
        if any(one.header != first.header for one in self.sources):
            raise Unsupported("a CSV file with `header`")
        for one in self.sources:
            for setting in ("decimal", "thousands", "comment"):
                if setting in one.beside_path():
                    raise Unsupported(f"a CSV file with `{setting}`")
            if one.encoding != first.encoding:
                raise Unsupported("CSV files of several encodings")
        columns, marks = self.columns(), first.missing_values
        text = "text" if marks is not None else ""
        by_name = {
            name: _of_cells(name, text if is_text else "number")
            for name, is_text in columns.items()
        }
        encoding = literal(_encoding(first))
        rows = call("list", call("csv.DictReader", "file", **self._csv_options(first)))
        self.modules.add("csv")
        self._cell_functions(marks, list(columns.values()))
        self._reader(
            "path: str",
            "The columns of a CSV file by name.",
            [
                f'{INDENT}with open(path, newline="", encoding={encoding}) as file:',
                *statement("rows = ", rows, INDENT * 2),
                *statement("return ", mapping(by_name)),
            ],
        )

    def _csv_options(self, source: Any) -> dict[str, Code]:
        """Arguments of `csv.DictReader`."""
        options: dict[str, Code] = {}
        if source.header is not None:
            options["fieldnames"] = listed(map(literal, source.header))
        delimiter = source.delimiter or _delimiter(self.path(source), _encoding(source))
        if delimiter != ",":
            options["delimiter"] = literal(delimiter)
        return options

    def _cell_functions(self, marks: Sequence[str] | None, are_texts: Sequence[bool]) -> None:
        """`text` and `number`, if columns need them, and the spellings of missing values; `marks`
        are those of the source.
        """
        if marks is not None and any(are_texts):
            self.functions.append(
                [
                    "def text(cell: str) -> str:",
                    docstring("A cell's string; empty for a missing value.", INDENT),
                    f'{INDENT}return "" if cell in MISSING else cell',
                ]
            )
        if not all(are_texts):
            cell = "cell.strip()" if marks is not None else "cell.strip().lower()"
            self.functions.append(
                [
                    "def number(cell: str) -> float:",
                    docstring("A cell's number; NaN for a missing value.", INDENT),
                    f"{INDENT}return math.nan if {cell} in MISSING else float(cell)",
                ]
            )
            self.modules.add("math")
        if marks is not None or not all(are_texts):
            known = _MARKS if marks is None else ("", *marks)
            self.constants.append(statement("MISSING = ", literal(known), ""))

    def _read_npz(self) -> None:
        names = listed(literal(name) for name in self.columns())
        self._reader(
            "path: str",
            "The arrays of a file by name.",
            [
                f"{INDENT}with np.load(path) as file:",
                *statement("return ", f"{{name: file[name] for name in {names}}}", INDENT * 2),
            ],
        )

    def _read_dataset(self) -> None:
        found = self.sources
        if any(one.path is not None for one in found):
            raise Unsupported("a data set in your own file")
        loaded = {"digits": "image", "iris": "", "wine": "", "breast_cancer": "", "diabetes": ""}
        first = found[0].name
        if first in ("mnist", "fashion_mnist", "cifar10"):
            self._reader(
                "part: str",
                f"Images and classes of {first}.",
                [
                    f"{INDENT}training, test = keras.datasets.{first}.load_data()",
                    f'{INDENT}images, labels = test if part == "test" else training',
                    f'{INDENT}return {{"image": images, "target": labels.reshape(-1)}}',
                ],
            )
        elif first in loaded and set(self.columns()) <= {"image", "features", "target"}:
            self.modules.add("sklearn")
            name = loaded[first] or "features"
            key = "images" if name == "image" else "data"
            self._reader(
                "name: str",
                f"The data set {first} of scikit-learn.",
                [
                    f'{INDENT}found = getattr(sklearn.datasets, f"load_{{name}}")()',
                    f'{INDENT}return {{"{name}": found.{key}, "target": found.target}}',
                ],
            )
        else:
            raise Unsupported(f"the data set `{first}`")

    def _reader(self, argument: str, words: str, lines: list[str]) -> None:
        self.functions.append([f"def read_table({argument}):", docstring(words, INDENT), *lines])

    def path(self, source: Settings) -> Path:
        path = getattr(source, "path")  # noqa: B009
        paths = path if isinstance(path, tuple) else (path,)
        if len(paths) != 1 or any(mark in str(paths[0]) for mark in "*?["):
            raise Unsupported("a source of several files")
        if str(paths[0]).endswith(".gz"):
            raise Unsupported("a compressed source")
        return Path(paths[0])


def _of_cells(name: str, function: str) -> Code:
    cell = f"row[{literal(name)}]"
    return call("np.array", f"[{f'{function}({cell})' if function else cell} for row in rows]")


def _encoding(source: Any) -> str:
    """The encoding of a CSV file, without a byte order mark."""
    return "utf-8-sig" if lookup(source.encoding).name == "utf-8" else str(source.encoding)


def _delimiter(path: Path, encoding: str) -> str:
    try:
        with path.open(encoding=encoding) as file:
            line = file.readline()
    except (OSError, UnicodeError):
        return ","
    return max((",", ";", "\t", "|"), key=line.count)
