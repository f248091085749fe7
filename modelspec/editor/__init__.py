"""The language server: what an editor shows while a spec is typed."""
