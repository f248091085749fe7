"""The architectures of the library beside those of `keras.applications`: lines, parameters, time to
check.

    python benchmarks/architectures.py [KIND ...]

Comments, blank lines and, in Python, docstrings are not counted. A spec that extends another is
counted with its own lines only. Several architectures share a module of Python, so its lines are
shown with the first of them. A module also loads weights, checks arguments and prepares images,
which modelspec does for a spec. The time is that of a cold `modelspec check` in a new process,
including the start of Python.
"""

from __future__ import annotations

import importlib.util
import io
import re
import statistics
import sys
import tempfile
import token
import tokenize
from pathlib import Path

from check import ROOT, cold, environment_for

LIBRARY = ROOT / "modelspec" / "catalog" / "library"
SILENT = {
    token.COMMENT,
    token.NL,
    token.NEWLINE,
    token.INDENT,
    token.DEDENT,
    token.ENCODING,
    token.ENDMARKER,
}


def lines_of_spec(text: str) -> int:
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") for line in text.splitlines()
    )


def lines_of_python(text: str) -> int:
    """Lines with a token that is not a comment and not a triple-quoted string. `keras.applications`
    uses these strings only for documentation.
    """
    found: set[int] = set()
    for one in tokenize.generate_tokens(io.StringIO(text).readline):
        documents = one.type == token.STRING and one.string.startswith(('"""', "'''"))
        if one.type not in SILENT and not documents:
            found.update(range(one.start[0], one.end[0] + 1))
    return len(found)


def modules() -> dict[str, str]:
    """The source of every module of `keras.applications`, by name, without importing Keras."""
    keras = importlib.util.find_spec("keras")
    assert keras is not None and keras.origin is not None, "install keras to compare with it"
    folder = Path(keras.origin).parent / "src" / "applications"
    return {
        path.stem: path.read_text("utf-8")
        for path in sorted(folder.glob("*.py"))
        if "test" not in path.stem
    }


def seconds(path: Path, environment: dict[str, str], rounds: int = 3) -> float:
    """Wall time of a cold check; the median."""
    command = [sys.executable, "-m", "modelspec", "check", str(path)]
    return statistics.median(cold(command, environment)[0] for _ in range(rounds))


def row(
    path: Path, sources: dict[str, str], counted: set[str], environment: dict[str, str]
) -> tuple[int, int]:
    """Print one architecture; returns its lines, and those of its module unless `counted` has it."""
    import modelspec as ms

    spec = ms.load_spec(path)
    module = next(
        name for name, text in sources.items() if re.search(rf"^def {path.stem}\(", text, re.M)
    )
    lines, python = (
        lines_of_spec(path.read_text("utf-8")),
        (0 if module in counted else lines_of_python(sources[module])),
    )
    counted.add(module)
    print(
        f"{path.stem:20}{lines:6}{python or '':>8}  {module:22}{len(spec.graph.layers):6,}"
        f"{spec.graph.parameters or 0:13,}{seconds(path, environment):9.2f} s",
        flush=True,
    )
    return lines, python


def main() -> None:
    sys.path.insert(0, str(ROOT))
    sources, shown = modules(), set[str]()
    asked = sys.argv[1:] or [path.stem for path in LIBRARY.glob("*.yaml")]
    paths = [
        LIBRARY / f"{name}.yaml"
        for text in sources.values()
        for name in re.findall(r"^def (\w+)\(", text, re.M)
        if name in asked and (LIBRARY / f"{name}.yaml").exists()
    ]
    print(
        f"{'':20}{'spec':>6}{'python':>8} "
        f" {'module':22}{'layers':>6}{'parameters':>13}{'cold check':>11}"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_for(Path(folder))
        seconds(paths[0], environment, rounds=1)  # the first compiles
        counted = [row(path, sources, shown, environment) for path in paths]
    print(
        f"{f'all {len(counted)}':20}{sum(one for one, _ in counted):6}{sum(one for _, one in counted):8}"
    )


if __name__ == "__main__":
    main()
