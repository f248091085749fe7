"""What runs require of the operating system, and the error where it is missing."""

from __future__ import annotations


class UnsupportedPlatform(ImportError):
    """The operating system lacks the file locks or process limits of POSIX."""


def require_posix() -> None:
    """Raises `UnsupportedPlatform` on Windows.

    The process that writes a run folder locks it, and files of unknown origin are parsed in a
    process with limits.
    """
    try:
        import fcntl  # noqa: F401
        import resource  # noqa: F401
    except ImportError:
        raise UnsupportedPlatform(
            "modelspec requires Linux or macOS: file locks and process limits of Windows are not"
            " supported; use WSL"
        ) from None
