"""Data at addresses: fetched as whole files into the user's cache, and read from there.

    grant   the user allowed the address, or a prefix of it, outside of the spec
    look    the server's current size and version of the file
    fetch   only if the cache lacks this version; written to a temporary file, then renamed
    read    the copy, like any other file: the manifest records the SHA-256 of its contents

With `MODELSPEC_OFFLINE=1` copies in the cache are used without asking the server.
"""

from __future__ import annotations

import os
from pathlib import Path

from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address, not_granted
from modelspec.core.settings import Context

from . import cache
from .servers import Server

OFFLINE = "MODELSPEC_OFFLINE"


def fetched(text: str, context: Context) -> Path:
    """The cached copy of the file at an address.

    Raises `Fault`: MS682 for an address that is not granted, MS683 for a malformed one, MS601 for
    a missing file, MS684 if it cannot be fetched, MS685 for a redirect to another host, MS686 for a
    missing package.
    """
    address = _granted(text, context)
    if _is_offline():
        return _kept(address)
    server = Server(address, context.places)
    there = server.look()
    found = cache.find(address, there.version)
    return found or cache.keep(address, there, lambda path, most: server.get(there, path, most))


def listed(text: str, context: Context) -> list[str]:
    """The addresses that a pattern matches, sorted; an address without wildcards is returned as it
    is. Raises `Fault` like `fetched`.
    """
    address = _granted(text, context)
    if not any(mark in text for mark in "*["):
        return [text]
    if _is_offline():
        raise Fault(
            "MS684",
            f"`{text}` is a pattern, which cannot be resolved offline",
            help=f"write a list of addresses, or unset {OFFLINE}",
        )
    return Server(address, context.places).matching()


def _granted(text: str, context: Context) -> Address:
    address = Address.parse(text)
    if not context.places.allow(address):
        raise not_granted(address)
    return address


def _is_offline() -> bool:
    return os.environ.get(OFFLINE, "") not in ("", "0")


def _kept(address: Address) -> Path:
    found = cache.find(address)
    if found is None:
        raise Fault(
            "MS684",
            f"`{address}` is not in the cache, and {OFFLINE} is set",
            help=f"unset {OFFLINE}, and run once with network access",
        )
    return found
