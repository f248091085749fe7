"""The steps of `predict` that an export lacks: reported when it is written, and noted in the
file.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .series_samples import before_the_model

if TYPE_CHECKING:
    from .job import Job
    from .written import Written

NOTE = "modelspec.json"
"""The path of the note in an archive or a folder."""
_SHOWN = 8
"""The most labels of an output that are reported; the file has all of them."""


def left_out(job: Job, written: Written) -> tuple[str, ...]:
    """Each as part of a sentence."""
    found = [*written.left_out, *before_the_model(job.compiled)]
    if not (written.inside or written.prepares):
        found += [
            f"{', '.join(one.words)} of `{name}`"
            for name, one in job.preparing.features.items()
            if one.words
        ]
    else:
        found += [
            f"other sizes of `{name}` than in the data"
            for name, one in job.preparing.features.items()
            if one.fixed
        ]
    found += [
        f"{', '.join(one.outside)} of `{name}`"
        for name, one in job.preparing.features.items()
        if one.outside
    ]
    found += [
        f"the conversion of `{name}` back to the units of its column"
        for name in job.undone
        if not (written.inside and name in job.preparing.scales)
    ]
    given = {name.removesuffix("_class") for name in written.outputs if name.endswith("_class")}
    found += [
        f"the labels of `{name}`: {_labels(known)}"
        for name, known in job.labels.items()
        if name not in given
    ]
    return tuple(found)


def _labels(known: tuple[Any, ...]) -> str:
    shown = ", ".join(f"{index} is {one!r}" for index, one in enumerate(known[:_SHOWN]))
    return shown if len(known) <= _SHOWN else f"{shown}, and {len(known) - _SHOWN} more"


def zipped(path: Path, text: str) -> None:
    """Adds a text to a zip archive; in a file of another kind it is appended after the contents,
    which readers of that kind ignore. LiteRT files carry associated files in this way.
    """
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(NOTE, text)


def record(job: Job, written: Written) -> str:
    """The content of the note, as JSON."""
    return json.dumps(
        {
            "name": job.compiled.name,
            "inputs": list(written.inputs),
            "outputs": list(written.outputs),
            "preparation": written.inside or written.prepares,
            "left_out": list(left_out(job, written)),
            "labels": {name: list(known) for name, known in job.labels.items()},
        },
        ensure_ascii=False,
        default=str,
    )
