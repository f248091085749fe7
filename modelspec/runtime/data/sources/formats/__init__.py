"""What sources are built of: finding, opening and joining files, and reading each format."""
