"""Rules of the `generate` section, which are imported only for specs with that section."""
