"""Places outside the project that the user allowed: folders, addresses of data, hosts.

A spec, a run folder or a model file never allows anything. Only the user does: on the
command line (or as an argument of the Python API), in the environment, or in the `pyproject.toml`
of a project that the user trusts (`modelspec.core.project`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from .diagnostics import Fault
from .records import dataclass

DATA_ROOTS = "MODELSPEC_DATA_ROOTS"
"""Folders and addresses that data may be read from, separated as in PATH; the `:` of an address is
no separator (`addresses_apart`).
"""
ALLOW_HOSTS = "MODELSPEC_ALLOW_HOSTS"
"""Hosts that a run may send data to, separated by commas."""

SCHEMES = {
    "s3": "an S3 bucket",
    "gs": "a Google Cloud Storage bucket",
    "hf": "the Hugging Face Hub",
    "https": "a web server",
    "http": "a web server of this machine",
}
"""The addresses that sources can be read from, by their scheme."""
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_DOTS = re.compile(r"(?:.*(?:%2f|%5c))?(?:\.|%2e){1,2}(?:(?:%2f|%5c).*)?", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def is_address(text: str) -> bool:
    """Whether a string is a remote address rather than a file of this machine."""
    return "://" in text


@dataclass(frozen=True)
class Address:
    """An address of data: `s3://bucket/folder/a.csv`. An allowed one includes all below it."""

    scheme: str
    host: str
    """The host with its port, or the bucket; in lower case where case does not matter."""
    steps: tuple[str, ...]
    """The parts of the path."""
    query: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises `Fault` (MS683) for a string that is not an address of data.

        Ambiguous addresses are refused: a user name before the host, `..`, an escaped point, a
        fragment, and the chains of fsspec (`::`).
        """
        match = _ADDRESS.fullmatch(text)
        scheme = match[1].lower() if match else ""
        if match is None or scheme not in SCHEMES:
            raise _wrong(
                text, f"data can be read from {', '.join(f'`{one}://`' for one in known())}"
            )
        rest, _, query = match[2].partition("?")
        host, _, path = rest.partition("/")
        if not text.isprintable() or re.search(r"[\s\\#]|::", match[2].replace("[::1]", "")):
            raise _wrong(text, "write it without spaces, `\\`, `#` and `::`")
        found = _HOST.fullmatch(host)
        if found is None:
            raise _wrong(
                text, "write the host (or the bucket) alone after `://`, without a user name"
            )
        steps = tuple(step for step in path.split("/") if step)
        if any(_DOTS.fullmatch(step) for step in steps):
            raise _wrong(text, "write it without `.` and `..`")
        if query and scheme not in ("http", "https"):
            raise _wrong(text, "only the address of a web server can contain a `?`")
        if scheme == "http" and found["name"].lower() not in _LOOPBACK:
            raise _wrong(text, "write `https://`, which protects the data from changes in transit")
        is_web = scheme in ("http", "https")
        return cls(scheme, host.lower() if is_web else host, steps, query)

    def holds(self, other: Address) -> bool:
        """Whether another address is this one or below it."""
        return (
            (self.scheme, self.host) == (other.scheme, other.host)
            and other.steps[: len(self.steps)] == self.steps
            and (not self.query or self.query == other.query)
        )

    @property
    def folder(self) -> str:
        """The address of its folder, as `--data-root` takes it: `https://host/data/`,
        `s3://bucket/data/`.
        """
        return "/".join((f"{self.scheme}://{self.host}", *self.steps[:-1], ""))

    @property
    def text(self) -> str:
        """The normalized address."""
        query = f"?{self.query}" if self.query else ""
        return "/".join((f"{self.scheme}://{self.host}", *self.steps)) + query

    def __str__(self) -> str:
        return self.text


def known() -> tuple[str, ...]:
    """The schemes to offer."""
    return tuple(scheme for scheme in SCHEMES if scheme not in ("http", "memory"))


def not_granted(address: Address) -> Fault:
    """MS682."""
    return Fault(
        "MS682",
        f"`{address}` is not allowed: a spec cannot read from the network by itself",
        help=f"to allow reading there, pass `--data-root {address.folder}`",
    )


def _wrong(text: str, help: str) -> Fault:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return Fault("MS683", f"`{shown}` is not an address that data can be read from", help=help)


@dataclass(frozen=True)
class Host:
    """A host that a run may send data to; without a port, on every port."""

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Host:
        """`HOST` or `HOST:PORT`. Raises `ValueError`."""
        match = _HOST.fullmatch(text.strip())
        if match is None or (match["port"] and not 0 < int(match["port"]) < 65536):
            raise ValueError(f"`{text}` is not HOST or HOST:PORT, e.g. `logs.example.org:8080`")
        return cls(match["name"].lower(), int(match["port"]) if match["port"] else None)

    def holds(self, name: str, port: int) -> bool:
        return self.name == name.lower() and self.port in (None, port)

    def __str__(self) -> str:
        return self.name if self.port is None else f"{self.name}:{self.port}"


_WEB_ADDRESS = re.compile(r"(https?)://([^/?#@\\\s]+)(/[!-~]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def web_host(address: str) -> tuple[str, int] | None:
    """The host and the port of the address of a server; None for other strings, for one with a
    user name, and for ambiguous ones.
    """
    match = _WEB_ADDRESS.fullmatch(address)
    if match is None or any(mark in (match[3] or "") for mark in "?#\\"):
        return None
    try:
        host = Host.parse(match[2])
    except ValueError:
        return None
    return host.name, host.port or _PORTS[match[1].lower()]


@dataclass(frozen=True)
class Places:
    """What the user allowed."""

    folders: tuple[Path, ...] = ()
    """Folders (and single files that the user named), links resolved."""
    addresses: tuple[Address, ...] = ()
    hosts: tuple[Host, ...] = ()
    everywhere: bool = False
    """Whether the user gave the path directly: it may lead anywhere."""
    when_opened: bool = False
    """Whether paths of data are checked only when they are opened: a run can be used for other data
    where its training data is not accessible.
    """

    def hold(self, path: Path) -> bool:
        """Whether a path with resolved links is in an allowed folder."""
        return self.everywhere or any(path.is_relative_to(folder) for folder in self.folders)

    def allow(self, address: Address) -> bool:
        return self.everywhere or any(one.holds(address) for one in self.addresses)

    def allow_host(self, name: str, port: int) -> bool:
        return any(one.holds(name, port) for one in self.hosts)

    def __add__(self, other: Places) -> Places:
        return replace(
            self,
            folders=(*self.folders, *other.folders),
            addresses=(*self.addresses, *other.addresses),
            hosts=(*self.hosts, *other.hosts),
        )


NOWHERE = Places()


class NoPlace(ValueError):
    """A string that is neither an existing folder nor an address."""


def place_of(text: str, folder: Path) -> Places:
    """The place of a data root; a relative path starts in `folder`. Raises `NoPlace`."""
    if is_address(text):
        try:
            return Places(addresses=(Address.parse(text),))
        except Fault as fault:
            raise NoPlace(f"{fault.message}: {fault.help}") from None
    try:
        found = (folder / Path(text).expanduser()).resolve()
        is_there = found.is_dir()
    except (OSError, RuntimeError, ValueError):
        found, is_there = Path(text), False
    if not text or not is_there:
        raise NoPlace(f"folder `{text}` does not exist")
    return Places(folders=(found,))


def places_of(roots: Iterable[str], hosts: Iterable[str], folder: Path) -> tuple[Places, list[str]]:
    """The places of all strings, and the problems of invalid ones."""
    granted, wrong = NOWHERE, []
    for text in roots:
        try:
            granted += place_of(text, folder)
        except NoPlace as error:
            wrong.append(str(error))
    for text in hosts:
        try:
            granted += Places(hosts=(Host.parse(text),))
        except ValueError as error:
            wrong.append(str(error))
    return granted, wrong


# Command line and environment ---------------------------------------------------------------------

_granted: ContextVar[Places] = ContextVar("granted", default=NOWHERE)


@contextmanager
def granting(
    data_roots: Iterable[str | os.PathLike[str]] = (), hosts: Iterable[str] = ()
) -> Iterator[None]:
    """Allows places for every spec and run that is opened inside. Raises `NoPlace` (a `ValueError`)
    for an invalid root or host.
    """
    folder = Path.cwd()
    found, wrong = places_of([os.fspath(root) for root in data_roots], hosts, folder)
    if wrong:
        raise NoPlace(wrong[0])
    token = _granted.set(_granted.get() + found)
    try:
        yield
    finally:
        _granted.reset(token)


def granted() -> Places:
    """What the command line or the Python API allows."""
    return _granted.get()


def of_environment() -> tuple[Places, list[str]]:
    """What the environment allows, and its problems."""
    roots, hosts = os.environ.get(DATA_ROOTS, ""), os.environ.get(ALLOW_HOSTS, "")
    if not roots and not hosts:
        return NOWHERE, []
    listed = [one for one in hosts.replace(",", " ").split() if one]
    found, wrong = places_of(addresses_apart(roots), listed, Path.cwd())
    return found, wrong


def addresses_apart(text: str) -> list[str]:
    """The folders and addresses of a list separated by `:`, except the `:` of `s3://`."""
    marked = re.sub(r"(?:^|(?<=:))([A-Za-z][A-Za-z0-9+.-]*)://", "\\1\0//", text)
    # A port: digits up to the end, or up to a slash.
    marked = re.sub(r"(\0//[^:/]+):(?=[0-9]{1,5}(?:/|:|$))", "\\1\0", marked)
    parts = (one.replace("\0", ":") for one in marked.split(os.pathsep))
    return [one for one in parts if one]


# Downloads ----------------------------------------------------------------------------------------

Progress = Callable[[str, int, int | None], None]
"""Called with an address, the bytes received and the total, where it is known."""
downloading: ContextVar[Progress | None] = ContextVar("downloading", default=None)
"""The callbacks for the progress of downloads."""
