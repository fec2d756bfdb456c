"""Panels with common factors: tests of cross-sectional dependence and filters (page ``cd_test``)."""
