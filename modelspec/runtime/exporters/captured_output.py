"""Converters talk to standard output and error, past Python's own streams: all of it is kept, and
dropped.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is printed inside, not even by native libraries. What goes wrong is raised, as
    ever.
    """
    level = logging.root.manager.disable
    with ExitStack() as stack, tempfile.TemporaryFile("w+") as nowhere:
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            try:
                saved = os.dup(number)
            except OSError:  # it is closed
                continue
            stream.flush()
            os.dup2(nowhere.fileno(), number)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, number)
        stack.enter_context(redirect_stdout(nowhere))
        stack.enter_context(redirect_stderr(nowhere))
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(level)
