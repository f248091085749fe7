"""Testing specs: which of them have to be trained, training them in separate processes, and the
outcome of each.

    changed     specs, git     -> specs      those whose files changed
    reuse       fingerprint    -> run        accepted or completed runs that need no training
    workers     specs          -> processes  several at once, interrupted together
    session     specs          -> Outcome    checked, trained or reused, decided
    accept      run            -> Baseline   the accepted run of a spec
    reports     Outcomes       -> text       table, Markdown, JUnit, JSON, annotations

This package loads no framework, and NumPy only if data have to be opened: a separate process makes
each run.
"""
