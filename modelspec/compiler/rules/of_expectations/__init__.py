"""Rules of the `expect` section, which are imported only for specs with that section."""
