"""The meeting of the processes before the first step: the chief waits at its address, the others
connect, and all of them learn whether they may train together.

Each process sends what it is about to train (`facts`). If all facts are equal, every process
connects with every other one, and nothing listens any more.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelspec.core.diagnostics import Diagnostic, Note

from ..data.errors import RunError
from .channel import Channel
from .cluster import Cluster
from .limits import Limits
from .pulse import Pulse
from .sockets import NotOurs, connect, has_ended, listen, prepared, prove, receive, send

_ANSWER: Final = 30.0
"""Seconds for the answer to a message of a process that is alive."""
Facts = Mapping[str, str]
Compare = Callable[[Mapping[int, Facts], Cluster], RunError | None]
"""The error for processes whose facts differ; None if they agree."""


@dataclass(frozen=True)
class Guest:
    """A process at the chief's address."""

    connection: socket.socket
    address: str
    facts: Facts


def meet(cluster: Cluster, facts: Facts, compare: Compare, limits: Limits | None = None) -> Channel:
    """The connections of this process to the others, after all of them agreed.

    Raises `RunError`: MS939 if an address is in use, MS940 for a process that does not come, and
    what `compare` finds, in every process.
    """
    limits = limits or Limits.here()
    deadline = time.monotonic() + limits.wait
    if cluster.is_chief:
        cluster, peers, pulses = _as_chief(cluster, facts, compare, deadline)
    else:
        cluster, peers, pulses = _as_worker(cluster, facts, deadline)

    def wake() -> None:
        for one in peers.values():
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed
                continue

    channel = Channel(cluster, peers, Pulse(cluster, pulses, limits, wake), limits)
    channel.barrier()
    return channel


Met = tuple[Cluster, dict[int, socket.socket], dict[int, socket.socket]]
"""The cluster with all addresses; the connections for values, and those for signs of life."""


def _as_chief(cluster: Cluster, facts: Facts, compare: Compare, deadline: float) -> Met:
    guests: dict[int, Guest] = {}
    with listen(cluster.place) as door:
        try:
            _welcome(cluster, door, deadline, guests)
            cluster = _agreed(cluster, facts, compare, guests)
        except RunError as error:
            for guest in guests.values():
                _told(guest.connection, _refusal(error))
                guest.connection.close()
            raise
        pulses = _pulses(cluster, door, deadline)
    return cluster, {one: guest.connection for one, guest in guests.items()}, pulses


def _agreed(
    cluster: Cluster, facts: Facts, compare: Compare, guests: Mapping[int, Guest]
) -> Cluster:
    """The cluster with the addresses of all processes, which know them now, too. Raises what
    `compare` finds.
    """
    found = compare({0: facts, **{one: guest.facts for one, guest in guests.items()}}, cluster)
    if found is not None:
        raise found
    addresses = [cluster.addresses[0] or cluster.place]
    addresses += [guests[one].address for one in sorted(guests)]
    for guest in guests.values():
        _told(guest.connection, {"addresses": addresses})
    return cluster.with_addresses(addresses)


def _told(connection: socket.socket, message: Any) -> None:
    try:
        send(connection, message)
    except OSError:  # it has ended: the wait for its second connection reports it
        return


def _welcome(
    cluster: Cluster, door: socket.socket, deadline: float, found: dict[int, Guest]
) -> None:
    """Adds every other process to `found`, by its index. Raises `RunError` (MS938, MS940)."""
    while len(found) < cluster.size - 1:
        connection, message = _next(cluster, door, deadline, found)
        index: Any = message.get("index")
        problem = _misfit(cluster, message)
        if problem is None and index in found and not has_ended(found[index].connection):
            problem = f"two processes have the index {index}"
        if problem is not None:
            _told(connection, _refusal(RunError.of("MS938", problem)))
            connection.close()
            raise RunError.of("MS938", f"a process at the meeting does not fit: {problem}")
        facts = {str(name): str(value) for name, value in message["facts"].items()}
        found[index] = Guest(connection, str(message.get("address")), facts)


def _misfit(cluster: Cluster, message: Mapping[str, Any]) -> str | None:
    """Why a process cannot be one of this run; None if it can."""
    index, size, address = (message.get(name) for name in ("index", "size", "address"))
    if size != cluster.size:
        return f"it expects {size} processes, but the chief expects {cluster.size}"
    if not isinstance(index, int) or not 0 < index < cluster.size:
        return f"its index is {index}, but the indices are 1 to {cluster.size - 1}"
    known = cluster.addresses[index]
    if known and address != known:
        return f"worker {index} has the address `{address}`, but the chief has `{known}` for it"
    return None if isinstance(message.get("facts"), dict) else "its message has no facts"


def _next(
    cluster: Cluster, door: socket.socket, deadline: float, met: Mapping[int, Any]
) -> tuple[socket.socket, dict[str, Any]]:
    """The next connection of a process of this run, with its first message."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _missing(cluster, met)
        door.settimeout(left)
        try:
            connection = prepared(door.accept()[0])
        except OSError:  # the time is over, or the connection ended at once
            continue
        try:
            prove(connection, asked=True)
            message = receive(connection, _ANSWER)
            if isinstance(message, dict):
                return connection, message
        except NotOurs:
            pass
        connection.close()  # a stranger


def _missing(cluster: Cluster, met: Mapping[int, Any]) -> RunError:
    absent = [one for one in range(1, cluster.size) if one not in met]
    named = ", ".join(
        f"worker {one} (`{cluster.addresses[one]}`)" if cluster.addresses[one] else f"worker {one}"
        for one in absent[:20]
    )
    more = f" and {len(absent) - 20} more" if len(absent) > 20 else ""
    return RunError.of(
        "MS940",
        f"{len(absent)} of {cluster.size} processes did not come to `{cluster.place}` in time:"
        f" {named}{more}",
        help="start every process with the same variables; `--wait SECONDS` waits longer",
    )


def _pulses(cluster: Cluster, door: socket.socket, deadline: float) -> dict[int, socket.socket]:
    """The second connection of every process, for signs of life."""
    found: dict[int, socket.socket] = {}
    while len(found) < cluster.size - 1:
        connection, message = _next(cluster, door, deadline, found)
        index = message.get("pulse")
        if isinstance(index, int) and 0 < index < cluster.size:
            found[index] = connection
    return found


# The other processes ------------------------------------------------------------------------------


def _as_worker(cluster: Cluster, facts: Facts, deadline: float) -> Met:
    own = cluster.addresses[cluster.index]
    door = listen(own) if cluster.index + 1 < cluster.size else None
    try:
        chief = _to_chief(cluster, deadline)
        hello = {"index": cluster.index, "size": cluster.size, "address": own, "facts": dict(facts)}
        cluster = cluster.with_addresses(_answer(cluster, chief, hello, deadline))
        peers = {0: chief}
        for one in range(1, cluster.index):
            peers[one] = _to(cluster, one, {"from": cluster.index}, deadline)
        pulse = _to_chief(cluster, deadline)
        send(pulse, {"pulse": cluster.index})
        if door is not None:
            peers |= _later_ones(cluster, door, deadline)
    finally:
        if door is not None:
            door.close()
    return cluster, peers, {0: pulse}


def _answer(
    cluster: Cluster, chief: socket.socket, hello: Mapping[str, Any], deadline: float
) -> list[str]:
    """The addresses of all processes. Raises the `RunError` that the chief sends."""
    try:
        send(chief, hello)
        answer = receive(chief, deadline - time.monotonic() + _ANSWER)
    except (NotOurs, OSError):
        raise RunError.of(
            "MS940",
            f"the chief at `{cluster.place}` ended before all processes had met",
            help="the chief reports the reason",
        ) from None
    addresses = answer.get("addresses") if isinstance(answer, dict) else None
    if isinstance(addresses, list) and len(addresses) == cluster.size:
        return [str(one) for one in addresses]
    raise _refused(answer)


def _to_chief(cluster: Cluster, deadline: float) -> socket.socket:
    return _proven(cluster.place, "the chief", deadline)


def _to(cluster: Cluster, one: int, hello: Any, deadline: float) -> socket.socket:
    found = _proven(cluster.addresses[one], f"worker {one}", deadline)
    send(found, hello)
    return found


def _proven(address: str, name: str, deadline: float) -> socket.socket:
    """A connection to a process of this run. Raises `RunError` (MS940)."""
    reason = "it does not answer"
    while time.monotonic() < deadline:
        try:
            found = connect(address, deadline)
            prove(found, asked=False)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
        except NotOurs as error:  # another program, or a run that is ending
            reason = str(error)
            found.close()
            time.sleep(0.5)
        else:
            return found
    raise RunError.of(
        "MS940",
        f"{name} cannot be reached at `{address}`: {reason}",
        help="check that it has started, and its address; `--wait SECONDS` waits longer",
    )


def _later_ones(cluster: Cluster, door: socket.socket, deadline: float) -> dict[int, socket.socket]:
    """The connections of the processes with larger indices."""
    found: dict[int, socket.socket] = {}
    later = range(cluster.index + 1, cluster.size)
    while len(found) < len(later):
        connection, message = _next(cluster, door, deadline, found)
        index = message.get("from")
        if isinstance(index, int) and index in later:
            found[index] = connection
    return found


# Errors as messages -------------------------------------------------------------------------------


def _refusal(error: RunError) -> dict[str, Any]:
    found = error.diagnostics[0]
    notes = [one.message for one in found.notes]
    return {"code": found.code, "message": found.message, "notes": notes, "help": found.help}


def _refused(answer: Any) -> RunError:
    values = answer if isinstance(answer, dict) else {}
    notes = values.get("notes")
    return RunError(
        [
            Diagnostic(
                str(values.get("code") or "MS940"),
                "error",
                str(values.get("message") or "the chief refused this process"),
                None,
                tuple(Note(str(one)) for one in notes) if isinstance(notes, list) else (),
                str(values["help"]) if values.get("help") else None,
            )
        ]
    )
