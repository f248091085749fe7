"""The hash of the code of a plugin: of its module, and of the modules that it imports from the
same place.

For a module of the project, these are the modules of the project; for a module of an installed
package, the modules of the package. Imports are read from the text, wherever they are in it, so
that the hash does not depend on what has already run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

_MOST: Final = 5_000
"""Modules that are followed."""


def code_hash(modules: Iterable[str], root: Path | None) -> str:
    """SHA-256 of the code of modules, of the project in `root` or of installed packages."""
    found: dict[str, Path] = {}
    waiting = [*modules]
    own = {name.partition(".")[0] for name in waiting}
    while waiting and len(found) < _MOST:
        name = waiting.pop()
        for one in _with_parents(name):
            file = None if one in found else _file(one, root, own)
            if file is not None:
                found[one] = file
                waiting += imports(file, one)
    whole = sha256()
    for name, file in sorted(found.items()):
        whole.update(f"{name} {_digest(file)}\n".encode())
    return whole.hexdigest()


def _with_parents(name: str) -> Iterator[str]:
    """`a.b.c`, then the packages `a.b` and `a`, which are imported with it."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def _file(name: str, root: Path | None, own: set[str]) -> Path | None:
    """The file of a module; None outside the project and the packages of the plugin itself."""
    steps = name.split(".")
    places = [] if root is None else [root]
    if steps[0] in own:
        places += [Path(one or ".") for one in sys.path]
    for place in places:
        below = place.joinpath(*steps)
        candidates = (below / "__init__.py", below.with_suffix(".py"))
        binaries = sorted(below.parent.glob(f"{steps[-1]}.*.so")) if below.parent.is_dir() else []
        for file in (*candidates, *binaries):
            if file.is_file():
                return file
    return None


def imports(file: Path, module: str) -> Iterator[str]:
    """The absolute names of modules that a file may import."""
    import ast  # slow to load, and most checks have no plugin

    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(package, node.level, node.module)
            yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _base(package: str, level: int, module: str | None) -> str:
    """The absolute name of `from ..module`."""
    if not level:
        return module or ""
    steps = package.split(".")
    above = steps[: len(steps) - level + 1]
    return ".".join([*above, *([module] if module else [])])


def _digest(file: Path) -> str:
    found = file.stat()
    return _content(str(file), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=_MOST)
def _content(file: str, _size: int, _changed: int) -> str:
    return sha256(Path(file).read_bytes()).hexdigest()
