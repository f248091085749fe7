"""Shared by all stages: diagnostics, source text, shapes, dtypes, settings. Knows no layers and no
framework.
"""
