"""What the processes of a run must have in common before its first step: the resolved spec, the
data, the versions, the plugins, how numbers are computed, and the checkpoint that it starts from.

Every process computes these facts from what it opened itself. The chief compares them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from modelspec.compiler.pipeline import Compiled
from modelspec.core.text_table import columns
from modelspec.views.resolve import resolved

from ..data.errors import RunError
from ..history.machine import class_of_machine, versions
from ..history.used_packages import package_versions
from ..history.used_plugins import used_plugins
from .cluster import Cluster, current_channel, current_cluster, join
from .meeting import Facts, meet

if TYPE_CHECKING:
    from ..data import Prepared
    from ..run.saver import Snapshot
    from .channel import Channel

_MAY_DIFFER: Final = ("name", "description", "expect", "sweep")
"""Sections of a spec that affect no step."""
_MOST_LEAVES: Final = 4000
"""Values of a spec that are compared one by one; a larger section is compared as a whole."""
_LONGEST: Final = 60
"""Characters of a value in a message."""
_MOST_SHOWN: Final = 20
OF_MACHINE: Final = ("architecture", "instructions", "threads", "onednn")
"""Processes that differ in them would round differently, and their weights would drift apart."""


def agree(prepared: Prepared, start: Snapshot | None = None) -> Channel | None:
    """The connections to the other processes of the run, after all of them agreed; None for a run
    of one process. Data are open, and no framework has been loaded for the training.

    Raises `RunError`: MS938 to MS941.
    """
    cluster = current_cluster()
    if cluster is None or current_channel() is not None:
        return current_channel()
    channel = meet(cluster, facts_of(prepared, start), difference)
    join(channel)
    return channel


def facts_of(prepared: Prepared, start: Snapshot | None = None) -> Facts:
    """Each fact by its name, as a short string or a hash."""
    compiled = prepared.compiled
    return {
        **dict(_of_spec(compiled)),
        **dict(_of_data(prepared)),
        **{f"version of {name}": value for name, value in versions().items()},
        **{f"version of {name}": value for name, value in package_versions(compiled).items()},
        **{f"plugin {one.module}": one.digest for one in used_plugins(compiled)},
        **dict(_of_machine()),
        "checkpoint": "none" if start is None else f"after step {start.position:,}",
    }


def _of_spec(compiled: Compiled) -> Iterator[tuple[str, str]]:
    """Each value of the resolved spec by its path; of a large section only its hash."""
    yield "spec: seed", str(compiled.file.seed)
    for section, value in resolved(compiled).items():
        if section in (*_MAY_DIFFER, "seed"):
            continue
        leaves = list(_leaves(value, section))
        if len(leaves) > _MOST_LEAVES:
            yield f"spec: {section}", hash_of(value)
            continue
        for path, leaf in leaves:
            if not path.startswith("runtime.logging"):
                yield f"spec: {path}", _short(leaf)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _short(value: Any) -> str:
    """A value as text; a long one by its beginning and its hash."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:40]}... ({hash_of(value)[:12]})"


def _of_data(prepared: Prepared) -> Iterator[tuple[str, str]]:
    for part, examples in prepared.parts.items():
        yield f"data: {part}, examples", str(len(examples))
        yield f"data: {part}, sha256", str(examples.examples.table.fingerprint)


def _of_machine() -> Iterator[tuple[str, str]]:
    here = class_of_machine()
    for name in OF_MACHINE:
        yield f"machine: {name}", here[name]


def hash_of(value: Any) -> str:
    """SHA-256 of a value of JSON."""
    return sha256(json.dumps(value, ensure_ascii=False, default=str).encode()).hexdigest()


def difference(facts: Mapping[int, Facts], cluster: Cluster) -> RunError | None:
    """The error (MS941) that names every process that differs from the chief, and in what; None if
    all agree.
    """
    rows = []
    for index in sorted(facts):
        names = sorted({*facts[0], *facts[index]})
        for name in names:
            chiefs, other = (one.get(name, "absent") for one in (facts[0], facts[index]))
            if chiefs != other:
                place = f"worker {index} (`{cluster.addresses[index]}`)"
                rows.append((place, name, f"has {_cut(other)}", f"the chief has {_cut(chiefs)}"))
    if not rows:
        return None
    workers = len({row[0] for row in rows})
    first = rows[0]
    more = f", and {len(rows) - 1} more" if len(rows) > 1 else ""
    hidden = len(rows) - _MOST_SHOWN
    notes = [*columns(rows[:_MOST_SHOWN]), *([f"and {hidden} more"] if hidden > 0 else [])]
    return RunError.of(
        "MS941",
        f"{workers} process{'' if workers == 1 else 'es'} cannot work with the chief: {first[0]}"
        f" differs in `{first[1]}`{more}",
        notes=notes,
        help="start every process with the same spec, data, packages and threads",
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:12]}..."
