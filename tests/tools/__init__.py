"""Programs for searches that are too long for the suite."""
