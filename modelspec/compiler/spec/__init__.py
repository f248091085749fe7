"""From a document to a spec: one module for each section of the language."""
