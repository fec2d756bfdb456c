"""Confirmatory measurement models, factor scores and regressions on them (page ``factor_score_regression``)."""
