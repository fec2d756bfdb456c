"""Data sets of ``data/registry.yml``: found, verified, loaded."""
