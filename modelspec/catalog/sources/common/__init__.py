"""What declarations of sources are built of; no source is declared here."""
