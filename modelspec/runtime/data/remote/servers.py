"""Servers of remote files, through fsspec (https://filesystem-spec.readthedocs.io).

Only individual methods of its file systems are called, never `fsspec.open`, which follows chains
of protocols (`zip::https://...`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from modelspec.core.diagnostics import Fault
from modelspec.core.places import Address, Places, downloading

from .cache import There
from .failures import NotFetched, NotWhole, failed, missing_package, must_retry, too_long

WAITS = (1.0, 3.0)
"""Seconds before the second and the third attempt."""
_VERSIONS = (
    *("ETag", "etag", "Content-MD5", "Digest", "Last-Modified", "LastModified"),
    *("last_modified", "md5Hash", "generation", "updated", "created", "mtime", "blob_id"),
)
"""The fsspec names of values that change with the content."""
_WEB = ("http", "https")
_WHOLE, _FAILED = (200,), 400
"""The HTTP statuses of a whole file; the lowest status that fsspec treats as an error."""
_FOUND = 10_000
"""The most files that a pattern may match."""
T = TypeVar("T")


class Server:
    """The server of one address."""

    def __init__(self, address: Address, places: Places) -> None:
        """Raises `Fault` (MS686) if a package is missing."""
        self.address = address
        try:
            from fsspec import filesystem

            options = _web_options(places) if address.scheme in _WEB else {}
            # No cache of instances or listings: every request asks the server.
            self.files: Any = self._asked(
                lambda: filesystem(
                    address.scheme, skip_instance_cache=True, use_listings_cache=False, **options
                )
            )
        except ImportError as error:
            raise missing_package(address, error) from None

    def look(self) -> There:
        """Size and version of the file. Raises `Fault`: MS601 if it does not exist, and the faults
        of `failed`.
        """
        info = self._asked(lambda: self.files.info(self.address.text))
        if info.get("type") == "directory":
            raise Fault(
                "MS601",
                f"`{self.address}` is a folder, not a file",
                help=f"write a pattern, e.g. `{self.address}/*`",
            )
        size = info.get("size")
        versions = [f"{key}={info[key]}" for key in _VERSIONS if info.get(key)]
        version = " ".join([*versions, f"size={size}"]) if versions else ""
        return There(size if isinstance(size, int) else None, version)

    def get(self, there: There, path: Path, most: int) -> None:
        """Fetch the whole file, of at most so many bytes, to a path. Raises `Fault` (MS684) for
        more bytes, and the faults of `failed`.
        """
        self._asked(
            lambda: self.files.get_file(
                self.address.text, str(path), callback=_shown(self.address, there.size, most)
            )
        )

    def matching(self) -> list[str]:
        """The addresses that the pattern matches, sorted. Raises `Fault` (MS108) beyond the
        limit.
        """
        found = self._asked(lambda: self.files.glob(self.address.text))
        if len(found) > _FOUND:
            raise Fault("MS108", f"`{self.address}` matches more than {_FOUND:,} files")
        scheme = f"{self.address.scheme}://"
        return sorted(scheme + str(name).removeprefix(scheme).lstrip("/") for name in found)

    def _asked(self, ask: Callable[[], T]) -> T:
        """The server's answer, with retries after network failures. Raises `Fault`."""
        for wait in (*WAITS, None):
            try:
                return ask()
            except (Fault, ImportError):
                raise
            except Exception as error:  # noqa: BLE001  # file systems raise any exception
                if wait is None or not must_retry(error):
                    raise failed(self.address, error) from None
                time.sleep(wait)
        raise AssertionError


def _web_options(places: Places) -> dict[str, Any]:
    """For a web server: redirects to hosts that are not granted are refused before they are
    followed, and a download ends only after silence, however long it takes.
    """
    from aiohttp import ClientTimeout, TraceConfig

    async def check(_session: Any, _context: Any, redirect: Any) -> None:
        target = redirect.response.headers.get("Location") or redirect.response.headers.get("URI")
        leads = redirect.url.join(type(redirect.url)(target)) if target else redirect.url
        same = (leads.scheme, leads.host, leads.port) == (
            redirect.url.scheme,
            redirect.url.host,
            redirect.url.port,
        )
        if not same and not _is_allowed(str(leads), places):
            raise NotFetched(f"{leads.scheme}://{leads.raw_authority}")

    async def ended(_session: Any, _context: Any, request: Any) -> None:
        if request.response.status not in _WHOLE and request.response.status < _FAILED:
            raise NotWhole(request.response.status)

    trace: Any = TraceConfig()
    trace.on_request_redirect.append(check)
    trace.on_request_end.append(ended)
    timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
    return {
        "client_kwargs": {
            "trace_configs": [trace],
            "timeout": timeout,
            "trust_env": True,
            "headers": {"Accept-Encoding": "identity"},  # the body has the announced size
        }
    }


def _is_allowed(text: str, places: Places) -> bool:
    try:
        leads = Address.parse(text)
        return any(one.holds(leads) for one in places.addresses)
    except Fault:
        return False


def _shown(address: Address, size: int | None, most: int) -> Any:
    """A callback of fsspec that shows the progress and stops a download of more than `most`
    bytes.
    """
    from fsspec.callbacks import Callback

    show = downloading.get()

    class Shown(Callback):
        """Receives the downloaded bytes."""

        def call(self, *args: Any, **kwargs: Any) -> None:
            if self.value > most:
                raise too_long(address, size, most)
            if show is not None:
                show(address.text, int(self.value), size)

    return Shown()
