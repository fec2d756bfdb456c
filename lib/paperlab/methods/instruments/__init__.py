"""Instrumental variables, some of them invalid (page ``invalid_instrument``)."""
