"""Output formats of diagnostics: text for people, JSON for programs, GitHub's workflow commands,
GitLab's code quality report, SARIF.

Each module has one function, `render(diagnostics, ...) -> str`; only the requested one is loaded.
"""
