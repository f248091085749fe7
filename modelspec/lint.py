from __future__ import annotations
def lint(*a): return ()
