"""Data at addresses: fetched as whole files into a cache of the user's, and read from there.

    grant   the user named the address, or a part of it, outside of the spec
    look    what the server says of the file now: size and version
    fetch   only where the cache has not this version; written beside, renamed when it is whole
    read    the copy, as any other file: the manifest records the SHA-256 of what was read

With `MODELSPEC_OFFLINE=1` copies that the cache has are used without a look.
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
    """The copy of what an address names.

    Raises `Fault`: MS682 where it is not granted, MS683 where it is malformed, MS601 where there
    is nothing, MS684 where it cannot be fetched, MS685 where it leads to another host, MS686 where
    a package is missing.
    """
    address = _granted(text, context)
    if _is_offline():
        return _kept(address)
    server = Server(address, context.places)
    there = server.look()
    found = cache.find(address, there.version)
    return found or cache.keep(address, there, lambda path, most: server.get(there, path, most))


def listed(text: str, context: Context) -> list[str]:
    """The addresses that a pattern matches, sorted; an address without wildcards itself. Raises
    `Fault` as `fetched`.
    """
    address = _granted(text, context)
    if not any(mark in text for mark in "*["):
        return [text]
    if _is_offline():
        raise Fault(
            "MS684",
            f"`{text}` is a pattern, which cannot be looked up offline",
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
            f"the cache has no copy of `{address}`, and {OFFLINE} is set",
            help=f"unset {OFFLINE}, and run once with a network",
        )
    return found
