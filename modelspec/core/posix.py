"""What runs need of the operating system, and what is said where it lacks that."""

from __future__ import annotations


class UnsupportedPlatform(ImportError):
    """The operating system has no file locks or process limits of POSIX."""


def require_posix() -> None:
    """Raises `UnsupportedPlatform` on Windows.

    A run folder is locked by the process that writes it, and files of strangers are parsed in a
    process with limits.
    """
    try:
        import fcntl  # noqa: F401
        import resource  # noqa: F401
    except ImportError:
        raise UnsupportedPlatform(
            "modelspec needs Linux or macOS: file locks and process limits of Windows are not"
            " supported; use WSL"
        ) from None
