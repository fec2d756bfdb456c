"""Regression with more columns than rows, screening by dependence, robust mixed models (page ``robust_high_dim``).

``penalized``           SCAD, MCP and L1: accelerated and proximal gradient, coordinate descent, paths of solutions
``mutual_information``  bandwidths, FFT kernel densities, bins: how much each column says about an outcome or a class
``robust_mixed``        random intercepts under multivariate Student t, where wild clusters get little weight
``simulate``            correlated columns, sparse coefficients, clusters, contamination
"""
