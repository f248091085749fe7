"""A document to a spec: one file for each section of the language."""
