"""The specs of a test: checked, with unique names, and selected by the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.expect_section import STATIC, Expectation
from modelspec.compiler.spec.looks_like_spec import looks_like_spec
from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.file_patterns import is_pattern
from modelspec.core.source import Scalar, read

from ..history.run_files import file_name


@dataclass(frozen=True)
class Spec:
    """A checked spec."""

    file: str
    checked: Checked[Compiled | None]

    @property
    def compiled(self) -> Compiled | None:
        return self.checked.value

    @property
    def name(self) -> str:
        """Its name, or that of its file."""
        return self.compiled.name if self.compiled is not None else Path(self.file).stem

    @property
    def folder(self) -> Path:
        """The folder of its baselines."""
        return Path(self.file).resolve().parent

    @property
    def measured(self) -> tuple[Expectation, ...]:
        """The expectations that require a run."""
        found = self.compiled.expectations if self.compiled is not None else ()
        return tuple(one for one in found if one.key not in STATIC)


def is_selected(spec: Spec, pattern: str) -> bool:
    """Whether the path or the name of a spec contains a string, ignoring case, or matches a pattern
    with `*`, `?` or `[...]`.
    """
    wanted = pattern.lower()
    texts = (spec.file.lower(), spec.name.lower())
    if is_pattern(pattern):
        return any(fnmatchcase(text, wanted) for text in texts)
    return any(wanted in text for text in texts)


def with_one_name(specs: Iterable[Spec]) -> Mapping[str, Diagnostic]:
    """MS826 by file, for specs whose baseline has the same name as that of another spec in the same
    folder.
    """
    first: dict[tuple[Path, str], Spec] = {}
    found: dict[str, Diagnostic] = {}
    for one in specs:
        if one.compiled is None:
            continue
        other = first.setdefault((one.folder, file_name(one.name)), one)
        if other is not one and Path(other.file).resolve() != Path(one.file).resolve():
            found[one.file] = shares_name(one.name, other.file, one.compiled)
    return found


def shares_name(name: str, other: str, compiled: Compiled | None) -> Diagnostic:
    """MS826."""
    span = None
    if compiled is not None:
        entry = compiled.file.root.entries.get("name")
        span = entry.value.span if entry is not None else compiled.file.document.root.span
    return Diagnostic(
        "MS826",
        "error",
        f"`{other}` in the same folder is also named `{name}`, so both would share one baseline",
        span,
        (),
        "give one of them another `name`",
    )


def others_with_name(file: Path, name: str) -> list[str]:
    """The other named specs in the folder of a file, by the names written in them."""
    found = []
    for path in sorted(file.parent.glob("*")):
        is_text = path.suffix.lower() in (".yaml", ".yml", ".json") and path.is_file()
        is_other = is_text and path.resolve() != file.resolve()
        if is_other and any(file_name(one) == file_name(name) for one in _own_name(path)):
            found.append(path.name)
    return found


def _own_name(path: Path) -> Iterator[str]:
    """The name of the spec in a file; empty for other content."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    if not looks_like_spec(text):
        return
    document = read(path).value
    entry = document.root.entries.get("name") if document is not None else None
    value = entry.value.value if entry is not None and isinstance(entry.value, Scalar) else None
    yield value if isinstance(value, str) else path.stem
