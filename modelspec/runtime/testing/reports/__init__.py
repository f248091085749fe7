"""The outcomes of tested specs, for people and for programs."""
