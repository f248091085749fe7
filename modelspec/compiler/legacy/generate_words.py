"""Regenerates `words.py` from the tables: `python -m modelspec.compiler.legacy.generate_words`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from . import component_tables as components
from . import layer_tables as layers
from .table_rows import Dropped, Reworded

WORDS = Path(__file__).with_name("words.py")


def words_module() -> str:
    """The text of `words.py`."""
    parts = (
        '"""The words of old spellings. Generated from the tables: see `generate_words.py`."""\n',
        "from __future__ import annotations\n",
        "from typing import Final\n",
        _constant("ANYWHERE", _anywhere(), "Words that are old spellings in every place."),
        _constant(
            "SETTINGS", _settings(), "Old if the layer or component has no setting of the name."
        ),
        _constant("OF_TRAINING", _of_training(), "Settings of the training and of any optimizer."),
    )
    return "\n".join(parts)


def _constant(name: str, words: Iterable[str], doc: str) -> str:
    lines = "".join(f'        "{word}",\n' for word in sorted(words))
    return f'{name}: Final = frozenset(\n    {{\n{lines}    }}\n)\n"""{doc}"""\n'


def _anywhere() -> set[str]:
    found = {*layers.KINDS, layers.MERGE}
    for names in components.NAMES.values():
        found.update(names)
    for rows in layers.SETTINGS.values():
        for setting, row in rows.items():
            if isinstance(row, Reworded):
                found.update(str(value) for value in row.values)
            elif isinstance(row, Dropped) and row.inside:
                found.add(setting)
    return found


def _settings() -> set[str]:
    tables = (
        *layers.SETTINGS.values(),
        layers.ANY,
        layers.INPUT_SETTINGS,
        *components.CALLBACK_SETTINGS.values(),
        *components.ARGUMENTS.values(),
    )
    found = {key for rows in tables for key, row in rows.items() if not isinstance(row, Reworded)}
    found.update(name for several in layers.PACKED.values() for one in several for name in one.old)
    return found - _of_training() - _anywhere()


def _of_training() -> set[str]:
    return {*components.OPTIMIZER_SETTINGS, *components.TRAINING, *components.FORMULA}


if __name__ == "__main__":
    WORDS.write_text(words_module(), encoding="utf-8")
