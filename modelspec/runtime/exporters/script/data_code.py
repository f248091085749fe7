"""The `data` section as functions that read, split and prepare the columns of a table, and as
`main`.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelspec.compiler.spec.data_split import Split
from modelspec.runtime.data.spec_facts import compared_outputs, objective_targets

from ..job import Job
from ..series_samples import of_several_rows
from .feature_code import Unsupported
from .python_code import INDENT, Code, Names, call, docstring, literal, statement
from .source_code import Reading


@dataclass
class DataCode(Reading):
    """The functions of a script that make `x` and `y` from files."""

    main: list[str] = field(default_factory=list)
    prepares: bool = False
    """Whether there is a `prepare_inputs`."""

    @property
    def taken(self) -> tuple[str, ...]:
        """The columns that `prepare_inputs` uses."""
        pipelines = self.job.samples.pipelines.values()
        return tuple(dict.fromkeys(name for one in pipelines for name in one.feature.bound.names))

    def _reads_files(self) -> bool:
        """Whether a column contains paths of images or masks."""
        data = self.job.compiled.data
        assert data is not None
        features = (*(data.inputs or {}).values(), *(data.targets or {}).values())
        return any(one.read is not None for one in features)

    def add(self) -> None:
        """All code before `main`. Raises `Unsupported`."""
        data = self.job.compiled.data
        assert data is not None
        training = self.job.compiled.training
        assert training is not None
        compared = compared_outputs(training)
        alone = [name for name in objective_targets(training) if name not in compared]
        for given, what in (
            (not compared, "a training without targets"),
            (bool(alone), "targets that only terms read"),
            (data.augment, "augmentation"),
            (data.balance, "examples drawn by `balance`"),
            (data.weights, "example weights"),
            (data.where, "rows left out by `where`"),
            (self._reads_files(), "files listed in a column"),
            *((True, one) for one in of_several_rows(self.job.compiled)),
        ):
            if given:
                raise Unsupported(what)
        self.prepare_inputs()
        self.prepare_targets()
        self.read()
        self._main()
        self.functions.append(
            [
                "def prepare(table):",
                docstring("The arguments of `fit` from the columns of a table.", INDENT),
                f"{INDENT}return prepare_inputs(table), prepare_targets(table)",
            ]
        )

    def _main(self) -> None:
        parts = self._parts()
        given = {"validation_data": "validation"} if "validation" in parts else {}
        self.main += statement("model = ", call("train", "*training", **given))
        if "test" in parts:
            self.main += [
                f'{INDENT}print("test:", model.evaluate(*test, verbose=0, return_dict=True))'
            ]

    def _parts(self) -> set[str]:
        """Writes how the parts are read, or split from one source; returns their names."""
        data = self.job.compiled.data
        assert data is not None
        where = {part: self._where(one) for part, one in data.sources.items()}
        if len(where) == 1 and data.split is not None:
            self._cut(where["train"])
            return {"train"} | {
                part for part in ("validation", "test") if getattr(data.split, part)
            }
        if self._droppable():
            raise Unsupported("dropping missing values from several sources")
        for part, code in where.items():
            variable = "training" if part == "train" else part
            self.main += statement(f"{variable} = ", call("prepare", call("read_table", code)))
        return set(where)

    def _where(self, source: Any) -> Code:
        if type(source).kind() == "dataset":
            fetched = source.name in ("mnist", "fashion_mnist", "cifar10")
            return literal((source.part or "train") if fetched else source.name)
        return literal(_short(self.path(source)))

    def _droppable(self) -> list[str]:
        bound = (
            *(one.feature.bound for one in self.job.samples.pipelines.values()),
            *self.targets.values(),
        )
        return [name for one in bound if one.missing == "drop" for name in one.names]

    def _cut(self, where: Code) -> None:
        data = self.job.compiled.data
        assert data is not None and data.split is not None
        split, columns = data.split, self.columns()
        if not split.by_share:
            raise Unsupported(f"a split by {_form(split)}")
        if split.group or split.order:
            raise Unsupported("a split by group or order")
        if split.seed is not None:
            raise Unsupported("a split with its own seed")
        self.main += statement("table = ", call("read_table", where))
        dropped = dict.fromkeys(self._droppable())
        self.main += statement("rows = ", f"np.arange(len(table[{literal(next(iter(columns)))}]))")
        for name in dropped:
            column = f"table[{literal(name)}][rows]"
            present = f'{column} != ""' if columns[name] else f"~np.isnan({column})"
            self.main += statement("rows = ", f"rows[{present}]")
        label = f", table[{literal(split.stratify)}][rows]" if split.stratify else ""
        parts = [
            "training",
            *(part if getattr(split, part) else f"_{part}" for part in ("validation", "test")),
        ]
        self.main += [
            f"{INDENT}{', '.join(parts)} = (",
            f"{INDENT * 2}prepare({{name: one[part] for name, one in table.items()}})",
            f"{INDENT * 2}for part in split(rows{label})",
            f"{INDENT})",
        ]
        self.functions.append(_split(split.validation, split.test, bool(split.stratify)))


def data_code(job: Job, names: Names) -> tuple[DataCode, str | None]:
    """The part of the data section that a script supports, and what it leaves out: all of it,
    otherwise the preparation of inputs, otherwise nothing.
    """
    found = DataCode(job, deepcopy(names))
    if job.compiled.training is None:
        return found, None
    try:
        found.add()
        found.prepares = True
        return found, None
    except Unsupported as unsupported:
        reason = str(unsupported)
    found = DataCode(job, deepcopy(names))
    try:
        if not job.preparing.empty and not of_several_rows(job.compiled):
            found.prepare_inputs()
            found.prepares = True
    except Unsupported as unsupported:
        return DataCode(job, names), str(unsupported)
    return found, reason


def _form(split: Split) -> str:
    """The form of a split other than by share, in words."""
    if split.column is not None:
        return "a column of parts"
    return "values of a column" if split.at is not None else "folds"


def _split(validation: float, test: float, stratified: bool) -> list[str]:
    spread = (
        [
            f"{INDENT}_, stratum = np.unique(labels, return_inverse=True)",
            f"{INDENT}sizes = np.bincount(stratum)",
            f"{INDENT}by_label = np.lexsort((draws, stratum))",
            f"{INDENT}rank = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)",
            f"{INDENT}spread = np.empty(len(rows))  # every label has its share in every part",
            f"{INDENT}spread[by_label] = (rank + draws[by_label]) / sizes[stratum[by_label]]",
            f"{INDENT}draws = np.where(sizes[stratum] == 1, 1.0, spread)",
        ]
        if stratified
        else []
    )
    return [
        f"def split(rows{', labels' if stratified else ''}):",
        docstring("Rows for training, validation and test: the same for the same seed.", INDENT),
        f"{INDENT}draws = np.random.default_rng([SEED, 1]).random(rows[-1] + 1)[rows]",
        *spread,
        f'{INDENT}order = np.argsort(draws, kind="stable")',
        f"{INDENT}tested = int(np.floor(len(rows) * {test!r} + 0.5))",
        (
            f"{INDENT}validated = min(int(np.floor(len(rows) * {validation!r} + 0.5)), len(rows) -"
            " tested)"
        ),
        f"{INDENT}test, validation, train = np.split(order, [tested, tested + validated])",
        f"{INDENT}return rows[np.sort(train)], rows[np.sort(validation)], rows[np.sort(test)]",
    ]


def _short(path: Path) -> str:
    here = Path.cwd()
    return (
        str(path.relative_to(here))
        if path.is_absolute() and path.is_relative_to(here)
        else str(path)
    )
