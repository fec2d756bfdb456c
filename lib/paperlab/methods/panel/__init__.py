"""Panels with common factors: tests of cross-sectional dependence and filters (page ``cd_test``).

``dependence``  CD, its bias-corrected form CD*, and the randomised tests of Juodis and Reese
``filters``     regressors, serial correlation and seasons taken out of a panel, residuals shuffled
``simulate``    panels with factors of chosen strength, and the Monte Carlo loop over them
"""
