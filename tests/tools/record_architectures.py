"""Records what Keras's architectures are, for the static rows of `tests/architectures.py`.

`python -m tests.tools.record_architectures` writes `tests/architectures.json`.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras

from .. import architectures


def main() -> None:
    records: dict[str, object] = {
        str(row): architectures.record_of(row) for row in architectures.ROWS if not row.built
    }
    records["keras"] = {"version": keras.__version__}
    text = json.dumps(records, indent=1, sort_keys=True) + "\n"
    Path(architectures.__file__).with_name("architectures.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
