"""Regression with more columns than rows, screening by dependence, robust mixed models (page ``robust_high_dim``).

``penalties``           SCAD, MCP and L1, split into an absolute value and a smooth concave rest
``penalized``           their fits: accelerated and proximal gradient, coordinate descent, paths of solutions
``bandwidths``          Silverman's rule, Sheather and Jones', and the fault of a widespread package
``mutual_information``  FFT kernel densities and bins: how much each column says about an outcome or a class
``robust_mixed``        random intercepts under multivariate Student t, where wild clusters get little weight
``simulate``            correlated columns, sparse coefficients, clusters, contamination
"""
