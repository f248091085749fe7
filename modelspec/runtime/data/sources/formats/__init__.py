"""The parts of sources: finding, opening and joining files, and reading each format."""
