"""Regression with more columns than rows: penalties, screening by dependence, robust mixed models (page
``robust_high_dim``).
"""
