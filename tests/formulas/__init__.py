"""Formulas drawn for tests."""
