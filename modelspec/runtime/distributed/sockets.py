"""Connections between the processes of a run: listening on one address, connecting with a time
limit, and proving that both sides know the same secret.

Messages before the training are JSON with a limited length. Nothing is unpickled.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import socket
import struct
import time
from typing import Any, Final

from modelspec.errors import RunError

from .cluster import TOKEN, host_and_port

_MOST: Final = 2**20
"""The most bytes of a message."""
_NONCE: Final = 32
_STRANGER: Final = 5.0
"""Seconds that a new connection has to prove that it belongs to the run."""
_BETWEEN: Final = 0.2
"""Seconds between two attempts to connect."""
_LENGTH: Final = struct.Struct("!I")


class NotOurs(Exception):
    """The other side of a connection is not a process of this run, or does not answer."""


def listen(address: str) -> socket.socket:
    """A socket that listens on this address only. Raises `RunError` (MS939) if it is in use, or
    does not belong to this host.
    """
    host, port = host_and_port(address)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE if not host else 0
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(address, error) from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(128)
    except OSError as error:
        found.close()
        raise _cannot_listen(address, error) from None
    return found


def _cannot_listen(address: str, error: OSError) -> RunError:
    reason = (error.strerror or str(error)).lower()
    return RunError.of(
        "MS939",
        f"this process cannot listen on `{address}`: {reason}",
        help="choose another port, or the address of this host that the others reach",
    )


def connect(address: str, deadline: float) -> socket.socket:
    """A connection to an address, tried again until a time of `time.monotonic`. Raises `OSError`
    with the reason of the last failure.
    """
    host, port = host_and_port(address)
    while True:
        left = deadline - time.monotonic()
        try:
            found = socket.create_connection((host, port), timeout=max(0.1, min(left, 10.0)))
        except OSError:
            if left <= _BETWEEN:
                raise
            time.sleep(_BETWEEN)
        else:
            return prepared(found)


def prepared(connection: socket.socket) -> socket.socket:
    """The connection, with small messages sent at once."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


# Proof --------------------------------------------------------------------------------------------


def prove(connection: socket.socket, *, asked: bool) -> None:
    """Both sides prove that they know the token, without sending it. `asked` is true on the side
    that accepted the connection. Raises `NotOurs`.
    """
    mine, role, other = secrets.token_bytes(_NONCE), b"accepts", b"connects"
    if not asked:
        role, other = other, role
    connection.settimeout(_STRANGER)
    try:
        connection.sendall(mine)
        theirs = exactly(connection, _NONCE)
        connection.sendall(_proof(role, theirs))
        if not hmac.compare_digest(exactly(connection, _NONCE), _proof(other, mine)):
            raise NotOurs("the token (MODELSPEC_TOKEN) differs")
    except OSError as error:
        raise NotOurs(str(error)) from None


def _proof(role: bytes, nonce: bytes) -> bytes:
    key = os.environ.get(TOKEN, "").encode()
    return hmac.digest(b"modelspec" + key, role + nonce, "sha256")


# Messages -----------------------------------------------------------------------------------------


def send(connection: socket.socket, message: Any) -> None:
    """Send a message of plain values. Raises `OSError`."""
    body = json.dumps(message).encode()
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket, seconds: float) -> Any:
    """The next message, waited for at most some seconds. Raises `NotOurs`."""
    connection.settimeout(max(0.05, seconds))
    try:
        (length,) = _LENGTH.unpack(exactly(connection, _LENGTH.size))
        if length > _MOST:
            raise NotOurs(f"its message has {length:,} bytes")
        return json.loads(exactly(connection, length))
    except (OSError, ValueError, RecursionError) as error:
        raise NotOurs(str(error)) from None


def exactly(connection: socket.socket, count: int) -> bytes:
    """The next bytes. Raises `NotOurs` if the connection ends before, and `OSError`."""
    found = bytearray()
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            raise NotOurs("it closed the connection")
        found += part
    return bytes(found)


def has_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection on which it sends nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
