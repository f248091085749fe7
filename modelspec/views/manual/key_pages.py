"""Pages of the keys of a spec: `training`, `training.loss`, `model.inputs`, `from`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

from modelspec.compiler.spec.checkpoint import Checkpoint
from modelspec.compiler.spec.data_expect import Expected
from modelspec.compiler.spec.data_section import Feature, Split
from modelspec.compiler.spec.data_slices import Slice
from modelspec.compiler.spec.data_window import Window
from modelspec.compiler.spec.generate_section import Initial
from modelspec.compiler.spec.low_rank import LowRank
from modelspec.compiler.spec.model_inputs import Input
from modelspec.compiler.spec.number_format import NumberFormat
from modelspec.compiler.spec.runtime_section import Runtime
from modelspec.compiler.spec.sweep_section import SweepKeys
from modelspec.compiler.spec.training_section import Choices
from modelspec.core.settings import Section

from ..schema.key_docs import KEYS
from ..schema.value_schema import settings
from .kind_pages import row, rows
from .page import Page, Row, Table

_CLASSES: Final[dict[str, type[Section]]] = {
    "training": Choices,
    "training.checkpoint": Checkpoint,
    "training.lora": LowRank,
    "runtime": Runtime,
    "sweep": SweepKeys,
    "data.split": Split,
    "data.window": Window,
    "data.inputs.number": NumberFormat,
}
"""Keys that are one mapping of settings."""
_FORMS: Final[dict[str, type[Section]]] = {
    "model.inputs": Input,
    "data.inputs": Feature,
    "data.targets": Feature,
    "data.expect": Expected,
    "data.slices": Slice,
    "generate.initial": Initial,
}
"""Keys whose values have a long form."""


_NEVER_ALONE: Final = ("sweep.objective", "sweep.parameters", "sweep.patience")
"""Keys whose last part alone means something else."""


def paths() -> tuple[str, ...]:
    """Every key that has a page, sections first."""
    below = (f"{path}.{name}" for path, cls in _CLASSES.items() for name in cls.model_fields)
    return tuple(dict.fromkeys((*KEYS, *_CLASSES, *below)))


def full_path(written: str) -> str | None:
    """The full path of a key: `training.epochs`, or `epochs` alone if only one section has it."""
    known = paths()
    if written in known:
        return written
    found = [
        path for path in known if path.rpartition(".")[2] == written and path not in _NEVER_ALONE
    ]
    return found[0] if len(found) == 1 else None


def page(path: str) -> Page:
    """The page of a key of `paths`."""
    key, section = KEYS.get(path), path.rpartition(".")[0]
    if key is not None:
        text = f"{key.text}\n\n```yaml\n{key.example}\n```"
        return Page(path, "key", text, tuple(_tables(path)), (f"Takes {key.takes}.",))
    if path in _CLASSES:
        text = inspect.cleandoc(_CLASSES[path].__doc__ or "")
        return Page(path, "key", text, tuple(_tables(path)))
    one = _row(section, path.rpartition(".")[2])
    notes = (f"Takes {one.takes}.", one.default_sentence)
    return Page(path, "key", one.text or f"A key of `{section}`.", notes=notes)


def list_page() -> Page:
    """Every key."""
    listed = tuple(Row(path, _summary(path)) for path in paths())
    return Page(
        "keys",
        "",
        "The keys of a spec; `modelspec explain KEY` shows the page of each.",
        (Table("Keys", listed, ("key", "meaning", "")),),
    )


def _summary(path: str) -> str:
    section, _, name = path.rpartition(".")
    if path in KEYS:
        text = KEYS[path].text
    elif path in _CLASSES:
        text = inspect.cleandoc(_CLASSES[path].__doc__ or "")
    else:
        text = _row(section, name).text
    return " ".join(text.split("\n\n")[0].split())


def _row(section: str, name: str) -> Row:
    """A key of a section, described by its class, or by `KEYS` for keys without a class."""
    read = settings(_CLASSES[section])
    made = row(name, read["properties"][name], needed=name in read["required"])
    key = KEYS.get(f"{section}.{name}")
    return Row(name, key.takes, made.default, key.text) if key else made


def _tables(path: str) -> Iterator[Table]:
    columns = ("key", "takes", "default")
    if path in _CLASSES:
        names = settings(_CLASSES[path])["properties"]
        yield Table("Keys", tuple(_row(path, name) for name in names), columns)
        return
    if path in _FORMS:
        yield Table("The long form", rows(_FORMS[path]), columns)
    below = {name: key for name, key in KEYS.items() if name.startswith(f"{path}.")}
    if below:
        listed = (
            Row(name.rpartition(".")[2], key.takes, text=key.text) for name, key in below.items()
        )
        yield Table("Keys", tuple(listed), columns)
