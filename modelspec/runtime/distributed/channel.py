"""Values that the processes of a run exchange in every step: sums of arrays, such as gradients.

Every process is connected with every other one. Sums are computed in the order of the processes,
so every process gets the same bits, and a run repeats itself. Large arrays are divided: process `i`
sums part `i` and sends the sum to the others, so each process sends and receives `2 (N-1)/N` times
the bytes of the arrays.

A frame is a header and the bytes of arrays whose types and shapes both sides know.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ..data.errors import RunError
from .cluster import Cluster
from .limits import Limits
from .pulse import Pulse

_HEADER: Final = struct.Struct("!4sQIQ")
"""A mark, the number of the exchange, the flag of the process, and the number of bytes."""
_MARK: Final = b"msx1"
_SMALL: Final = 32 * 1024
"""Bytes up to which every process sends everything to every other one: one exchange, not two."""
_POLL: Final = 1000
"""Milliseconds after which a waiting process looks at the clock."""
_MOST_BUFFERS: Final = 64
"""The most buffers of one call; the system allows 1,024."""
Array = np.ndarray[Any, Any]


class Channel:
    """The connections of one process to all others. Used by one thread.

    Every method must be called by all processes in the same order, with arrays of the same types
    and shapes. They raise `RunError`: MS942 if a process is lost or does not finish its step.
    """

    def __init__(
        self,
        cluster: Cluster,
        peers: Mapping[int, socket.socket],
        pulse: Pulse,
        limits: Limits | None = None,
    ) -> None:
        self.cluster, self._limits = cluster, limits or Limits()
        self._peers, self._pulse = dict(peers), pulse
        for one in self._peers.values():
            one.setblocking(False)
        self._count = 0
        self.flag = 0
        """A number that this process sends with every exchange: that of a signal, or 0."""
        self.flagged = 0
        """The largest flag of all processes in the last exchange: the same in every process."""
        self.failure: RunError | None = None
        """The error that an exchange has raised: a graph of TensorFlow raises another one."""
        self.seconds = 0.0
        """The time spent in exchanges, including the time that the others needed longer."""

    @property
    def size(self) -> int:
        """The number of processes."""
        return self.cluster.size

    @property
    def index(self) -> int:
        """The index of this process."""
        return self.cluster.index

    def all_reduce(self, arrays: Sequence[Array]) -> list[Array]:
        """The sums of arrays over all processes, with the same bits in each of them."""
        groups = _Groups(arrays)
        if groups.size <= _SMALL:
            flats = [self._sum(group) for group in self._of_all(groups.flats)]
        else:
            flats = self._by_parts(groups.flats)
        return groups.apart(flats)

    def gather(self, arrays: Sequence[Array]) -> list[list[Array]]:
        """The arrays of every process, in the order of the processes. Their shapes are equal."""
        groups = _Groups(arrays)
        by_group = self._of_all([flat.copy() for flat in groups.flats])  # not the caller's memory
        return [groups.apart([one[index] for one in by_group]) for index in range(self.size)]

    def broadcast(self, content: bytes = b"", source: int = 0) -> bytes:
        """The bytes that the process `source` has given."""
        size = int(self.all_reduce([np.array([len(content) * (self.index == source)])])[0][0])
        if self.index == source:
            sent = np.frombuffer(content, np.uint8)
            self._exchange({one: [sent] for one in self._peers}, {})
            return content
        received = np.empty(size, np.uint8)
        self._exchange({}, {source: [received]})
        return received.tobytes()

    def collect(self, content: bytes) -> list[bytes]:
        """On the chief the bytes of every process, in their order; on the others nothing."""
        sizes = [int(one[0]) for [one] in self.gather([np.array([len(content)], np.int64)])]
        if self.index:
            self._exchange({0: [np.frombuffer(content, np.uint8)]}, {})
            return []
        received = {one: [np.empty(sizes[one], np.uint8)] for one in self._peers}
        self._exchange({}, received)
        return [content, *(received[one][0].tobytes() for one in sorted(received))]

    def barrier(self) -> None:
        """Return when all processes have called it."""
        self.all_reduce([np.zeros(1, np.uint8)])

    def close(self, *, farewell: bool = True) -> None:
        """End the connections. After a farewell, the others know that this process has finished;
        without one, that it is lost.
        """
        self._pulse.close(farewell=farewell)
        for one in self._peers.values():
            one.close()

    # Sums -----------------------------------------------------------------------------------------

    def _of_all(self, flats: Sequence[Array]) -> list[list[Array]]:
        """Of each flat array, those of all processes."""
        received = {one: [np.empty_like(flat) for flat in flats] for one in self._peers}
        self._exchange(dict.fromkeys(self._peers, flats), received)
        everybody = {**received, self.index: list(flats)}
        return [[everybody[one][i] for one in range(self.size)] for i in range(len(flats))]

    def _by_parts(self, flats: Sequence[Array]) -> list[Array]:
        """The sums of large arrays: each process sums one part of each."""
        bounds = [[len(flat) * one // self.size for one in range(self.size + 1)] for flat in flats]

        def part(values: Sequence[Array], of: int) -> list[Array]:
            pairs = zip(values, bounds, strict=True)
            return [flat[bound[of] : bound[of + 1]] for flat, bound in pairs]

        own = part(flats, self.index)
        received = {one: [np.empty_like(flat) for flat in own] for one in self._peers}
        self._exchange({one: part(flats, one) for one in self._peers}, received)
        everybody = {**received, self.index: own}
        sums = [np.empty_like(flat) for flat in flats]
        for i, place in enumerate(part(sums, self.index)):
            place[...] = self._sum([everybody[one][i] for one in range(self.size)])
        self._exchange(
            dict.fromkeys(self._peers, part(sums, self.index)),
            {one: part(sums, one) for one in self._peers},
        )
        return sums

    @staticmethod
    def _sum(arrays: Sequence[Array]) -> Array:
        """The sum in the order of the processes."""
        total = arrays[0] + arrays[1]
        for one in arrays[2:]:
            total += one
        return total

    # Exchanges ------------------------------------------------------------------------------------

    def _exchange(
        self, sent: Mapping[int, Sequence[Array]], received: Mapping[int, Sequence[Array]]
    ) -> None:
        """Send and receive at once, so that no process waits for another one to read."""
        began = time.monotonic()
        self._count += 1
        flows = {one: _Flow(self._peers[one]) for one in {*sent, *received}}
        for one, arrays in sent.items():
            bodies = [_bytes(array) for array in arrays]
            head = _HEADER.pack(_MARK, self._count, self.flag, sum(map(len, bodies)))
            flows[one].sends = [memoryview(head), *filter(len, bodies)]
        for one, arrays in received.items():
            flows[one].expect([_bytes(array) for array in arrays])
        try:
            self._run(flows, began)
        except RunError as error:
            self.failure = error
            raise
        if len(received) == len(self._peers):  # else the processes would know different flags
            self.flagged = max(self.flag, *(flow.flag for flow in flows.values()))
        self.seconds += time.monotonic() - began

    def _run(self, flows: Mapping[int, _Flow], began: float) -> None:
        poll = select.poll()
        by_number = {}
        for one, flow in flows.items():
            by_number[flow.socket.fileno()] = one, flow
            if flow.events:
                poll.register(flow.socket, flow.events)
        open_ = sum(1 for flow in flows.values() if flow.events)
        while open_:
            ready = poll.poll(_POLL)
            for number, _ in ready:
                one, flow = by_number[number]
                before = flow.events
                try:
                    flow.move()
                except (OSError, EOFError):
                    raise self._pulse.lost(one) from None
                if flow.has_new_header:
                    self._check(one, flow)
                if not flow.events:
                    open_ -= 1
                    poll.unregister(number)
                elif flow.events != before:
                    poll.modify(number, flow.events)
            if not ready and time.monotonic() - began > self._limits.step:
                late = next(one for one, flow in flows.items() if flow.events)
                raise self._pulse.late(late, self._limits.step)

    def _check(self, one: int, flow: _Flow) -> None:
        """Raises `RunError` (MS943) if the other process does different work."""
        mark, count, flow.flag, size = _HEADER.unpack(flow.header)
        if (mark, count, size) != (_MARK, self._count, flow.size):
            raise RunError.of(
                "MS943",
                f"worker {one} sent {size:,} bytes in exchange {count:,}, but worker"
                f" {self.index} expects {flow.size:,} bytes in exchange {self._count:,}",
                help="a callback or a layer of Python must do the same in every process",
            )


class _Flow:
    """What is still to be sent to and received from one process."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.sends: list[memoryview] = []
        self.receives: list[memoryview] = []
        self.header = bytearray(_HEADER.size)
        self.size = self.flag = 0
        """The expected number of bytes, and the received flag."""
        self._unread = False

    def expect(self, bodies: Sequence[memoryview]) -> None:
        """The buffers to receive after a header."""
        self.receives = [memoryview(self.header), *filter(len, bodies)]
        self.size, self._unread = sum(map(len, bodies)), True

    @property
    def has_new_header(self) -> bool:
        """Whether the header has arrived, once: it is checked before the rest is waited for."""
        arrived = self._unread and not (self.receives and self.receives[0].obj is self.header)
        self._unread = self._unread and not arrived
        return arrived

    @property
    def events(self) -> int:
        """The events to wait for; 0 when everything has been exchanged."""
        return (select.POLLOUT if self.sends else 0) | (select.POLLIN if self.receives else 0)

    def move(self) -> None:
        """Send and receive what is possible now. Raises `OSError` and `EOFError`."""
        try:
            if self.sends:
                self.sends = _after(self.sends, self.socket.sendmsg(self.sends[:_MOST_BUFFERS]))
        except BlockingIOError:
            pass
        try:
            if self.receives:
                count = self.socket.recvmsg_into(self.receives[:_MOST_BUFFERS])[0]
                if not count:
                    raise EOFError
                self.receives = _after(self.receives, count)
        except BlockingIOError:
            pass


def _after(views: list[memoryview], count: int) -> list[memoryview]:
    """The rest of some buffers after a number of bytes."""
    for position, view in enumerate(views):
        if count < len(view):
            return [view[count:], *views[position + 1 :]]
        count -= len(view)
    return []


def _bytes(array: Array) -> memoryview:
    """The bytes of a contiguous array, without a copy."""
    return array.view(np.uint8).data if array.nbytes else memoryview(b"")


class _Groups:
    """Arrays joined to one flat array for each of their types."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._shapes = [np.shape(one) for one in arrays]
        self._types = [np.asarray(one).dtype for one in arrays]
        self._order = list(dict.fromkeys(self._types))
        self.flats: list[Array] = [
            _joined([np.ravel(one) for one in arrays if one.dtype == kind]) for kind in self._order
        ]
        self.size = sum(flat.nbytes for flat in self.flats)
        """Bytes of all arrays."""

    def apart(self, flats: Sequence[Array]) -> list[Array]:
        """The arrays in flat ones, with their shapes."""
        left = dict(zip(self._order, flats, strict=True))
        found = []
        for kind, shape in zip(self._types, self._shapes, strict=True):
            size = int(np.prod(shape))
            found.append(left[kind][:size].reshape(shape))
            left[kind] = left[kind][size:]
        return found


def _joined(arrays: Sequence[Array]) -> Array:
    """Flat arrays as one; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
