"""Execution of pages: one run, a grid of runs, the HTML of a run."""
