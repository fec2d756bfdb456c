"""Confirmatory measurement models, factor scores and regressions on them (page ``factor_score_regression``).

``measurement``    one-factor models, scores, naive regression, Croon's correction, one-stage ML of the linear model
``two_stage``      the binding function, its solution by simulation, and its Monte Carlo variance
``interaction``    one-stage ML of the interaction model by EM on a grid
``item_response``  two-parameter logistic models of binary items and their EAP scores
``simulate``       the designs of the page: one data set, many data sets
"""
