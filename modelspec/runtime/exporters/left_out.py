"""What `predict` does and an export does not: said where it is written, and noted in the file."""

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
"""Where an archive or a folder has the note."""
_SHOWN = 8
"""How many labels are said of an output; the file has all of them."""


def left_out(job: Job, written: Written) -> tuple[str, ...]:
    """Each as a half sentence."""
    found = [*written.left_out, *before_the_model(job.compiled)]
    if not (written.inside or written.prepares):
        found += [
            f"{', '.join(one.words)} of `{name}`"
            for name, one in job.preparing.features.items()
            if one.words
        ]
    else:
        found += [
            f"other sizes of `{name}` than those of the data"
            for name, one in job.preparing.features.items()
            if one.fixed
        ]
    found += [
        f"{', '.join(one.outside)} of `{name}`"
        for name, one in job.preparing.features.items()
        if one.outside
    ]
    found += [
        f"the way from `{name}` back to the numbers of its column"
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
    """Puts a text into a zip archive; behind what a file of another kind holds, where readers of
    that kind do not look: so LiteRT files carry what belongs to them.
    """
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(NOTE, text)


def record(job: Job, written: Written) -> str:
    """What stands in the file, as json."""
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
