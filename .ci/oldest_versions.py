"""Prints the oldest version that pyproject.toml allows of each package that `.ci/oldest` installs.

python .ci/oldest_versions.py > oldest.txt
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

LEFT_OUT = {
    # The tests without a framework need none of these; they are large.
    *("tensorflow", "onnx", "onnxruntime", "tf2onnx"),
    # Tools, which read the code and do not run it.
    *("import-linter", "mypy", "ruff", "types-PyYAML"),
}
OF_ITS_OWN = re.compile(r"modelspec\[[\w-]+\]")
"""An extra that another one includes, with requirements of its own."""
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+(?:\[[\w,-]+\])?)>=(?P<oldest>[\w.]+),<(?P<end>[\w.]+)")


def main() -> None:
    """One line for each package; an error for one whose range is not stated."""
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    every = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    every = [text for text in every if OF_ITS_OWN.fullmatch(text) is None]
    found = {text: REQUIREMENT.fullmatch(text) for text in every}
    open_ended = [text for text, match in found.items() if match is None]
    if open_ended:
        sys.exit(f"pyproject.toml: not of the form `name>=oldest,<end`: {', '.join(open_ended)}")
    wanted = [*project["dependencies"], *extras["test"]]
    for match in (found[text] for text in wanted):
        if match is not None and match["name"] not in LEFT_OUT:
            sys.stdout.write(f"{match['name']}=={match['oldest']}\n")


if __name__ == "__main__":
    main()
