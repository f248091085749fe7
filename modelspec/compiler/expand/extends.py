"""`extends`: the files that a spec extends, merged key by key; values of the spec itself take
precedence.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from modelspec.catalog import library
from modelspec.core.diagnostics import Checked, Collector, Diagnostic, Fault, Note, listed, nearest
from modelspec.core.paths import confined
from modelspec.core.settings import Context, describe
from modelspec.core.source import (
    Document,
    Entry,
    Mapping,
    Node,
    Sequence,
    Value,
    plain,
    read,
    recovered,
    walk,
)
from modelspec.core.source.budgets import NODES

from .families import is_same_family
from .limits import FILES, TooMuch


def extend(root: Mapping, context: Context, collector: Collector) -> Mapping:
    """The document merged with all files that it extends, directly or through others. Unreadable
    files are reported.
    """
    own = _own_path(root, context)
    return _Extender(collector).merged(root, context, (own,) if own else ())


class _Extender:
    """Reads and merges files."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.count = 0
        """The total number of files merged so far."""
        self.nodes = 0
        self.documents: dict[Path, Checked[Document | None]] = {}

    def _read(self, path: Path, node: Node) -> Checked[Document | None]:
        """A file, read once. Raises `TooMuch` if all files together are larger than the limit for
        one file.
        """
        found = self.documents.get(path)
        if found is None:
            found = self.documents[path] = recovered(read(_shown(path, node), path.parent))
            self.nodes += sum(1 for _ in walk(found.value.root)) if found.value is not None else 0
            if self.nodes > NODES:
                raise TooMuch(
                    Fault(
                        "MS108",
                        f"the files that the spec extends have more than {NODES:,} keys and "
                        "values in total",
                        help="keep data in data files",
                    ),
                    node.span,
                )
        return found

    def merged(self, root: Mapping, context: Context, chain: tuple[Path, ...]) -> Mapping:
        """`root` merged over the files that it extends; later ones of a list take precedence.
        `chain`: the extending files.
        """
        entry = root.entries.get("extends")
        rest = Mapping(
            {key: one for key, one in root.entries.items() if key != "extends"}, root.span
        )
        if entry is None:
            return root
        base: Mapping | None = None
        for item in entry.value.items if isinstance(entry.value, Sequence) else (entry.value,):
            found = self._file(item, context, chain)
            if found is not None:
                base = found if base is None else merge(base, found)
        return rest if base is None else merge(base, rest)

    def _file(self, node: Node, context: Context, chain: tuple[Path, ...]) -> Mapping | None:
        """One extended file, itself merged with the files that it extends; None if it cannot be
        read.
        """
        path = self._path(node, context)
        if path is None:
            return None
        if path in chain:
            self._report_cycle(node, chain[chain.index(path) :])
            return None
        self.count += 1
        if self.count > FILES:
            raise TooMuch(Fault("MS108", f"the spec extends more than {FILES} files"), node.span)
        shipped = path.parent == library.FOLDER and library.is_kind(path.stem)
        document = library.read_kind(path.stem) if shipped else self._read(path, node)
        self.collector.extend(_extended_here(one, node) for one in document.diagnostics)
        if document.value is None:
            return None
        project = path.parent if shipped else context.project
        inside = replace(context, folder=path.parent, project=project)
        return self.merged(document.value.root, inside, (*chain, path))

    def _report_cycle(self, node: Node, cycle: tuple[Path, ...]) -> None:
        by_way = listed([one.name for one in cycle])
        around = f", through {by_way}" if len(cycle) > 1 else ""
        self.collector.report(
            Fault(
                "MS133",
                f"`{cycle[0].name}` extends itself{around}",
                help="remove one of the `extends` keys",
            ),
            node.span,
        )

    def _path(self, node: Node, context: Context) -> Path | None:
        """The path of the file, with links resolved; None, with a report, if it is outside the
        project.
        """
        value = plain(node)
        if not isinstance(value, str) or not value or "\0" in value or "$" in value:
            self.collector.report(_not_a_path(value), node.span)
            return None
        if library.is_kind(value) and not _is_file(value, context):
            return library.FOLDER / f"{value}.yaml"
        found = _confined(value, context)
        if found is None:
            self.collector.report(_outside(value), node.span)
        return found


def _confined(value: str, context: Context) -> Path | None:
    try:
        return None if "://" in value else confined(value, context)
    except (OSError, RuntimeError, ValueError):
        return None


def _not_a_path(value: Value) -> Fault:
    if isinstance(value, str) and "$" in value and "\0" not in value:
        return Fault(
            "MS204",
            "`extends` is read before names have values, so it cannot contain an expression",
            help="write the literal path",
        )
    return Fault(
        "MS204",
        f"`extends` must be the path of a file, or a list of paths, found {describe(value)}",
        help="e.g. `extends: base.yaml`",
    )


def _outside(value: str) -> Fault:
    return Fault(
        "MS210",
        "`extends` must be a path inside the project (the working directory, or the"
        f" folder of the spec), found {describe(value)}",
        help="move the file into the project, or run modelspec from a folder that contains both",
    )


def _extended_here(diagnostic: Diagnostic, node: Node) -> Diagnostic:
    """An error in a file, with a note at the place that extends it."""
    if diagnostic.span is None:
        return _no_file(diagnostic, node)
    return replace(diagnostic, notes=(*diagnostic.notes, Note("extended here", node.span)))


def _no_file(diagnostic: Diagnostic, node: Node) -> Diagnostic:
    """The error of a file that cannot be read, at the place that names it: it may be a misspelled
    kind.
    """
    value = str(plain(node))
    near = None if "." in value or "/" in value else nearest(value, library.kinds())
    reported = replace(diagnostic, span=node.span)
    return (
        replace(reported, suggestion=near, help=f"did you mean `{near}` of the library?")
        if near
        else reported
    )


def _own_path(root: Mapping, context: Context) -> Path | None:
    """The file of the document itself, so that no extended file can extend it."""
    name = root.span.file
    return (
        (context.folder / Path(name).name).resolve()
        if context.folder and not name.startswith("<")
        else None
    )


def _is_file(value: str, context: Context) -> bool:
    """Whether a file of this name exists beside the spec: it takes precedence over a kind of the
    library.
    """
    try:
        return ((context.folder or Path.cwd()) / value).exists()
    except (OSError, ValueError):
        return False


def _shown(path: Path, node: Node) -> str:
    """The path as a person would write it: relative to the working directory, if the path of the
    extending file is.
    """
    written = os.path.normpath(Path(node.span.file).parent / str(plain(node)))
    try:
        return written if Path(written).resolve() == path else os.fspath(path)
    except (OSError, RuntimeError):
        return os.fspath(path)


def merge(base: Mapping, over: Mapping) -> Mapping:
    """Both mappings merged key by key, in the order of the base; values other than mappings are
    replaced by those of `over`.

    `{Adam: ...}` over `{SGD: ...}` replaces it: a name with its settings is one value.
    """
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if (
            below is not None
            and isinstance(below.value, Mapping)
            and isinstance(entry.value, Mapping)
            and not _other(below.value, entry.value)
        ):
            entries[key] = Entry(entry.key_span, merge(below.value, entry.value))
        else:
            entries[key] = entry
    return Mapping(entries, over.span)


def _other(one: Mapping, other: Mapping) -> bool:
    """Whether both are a name with its settings, and the names differ."""
    if len(one.entries) != 1 or len(other.entries) != 1:
        return False
    first, second = next(iter(one.entries)), next(iter(other.entries))
    return first != second and is_same_family(first, second)
