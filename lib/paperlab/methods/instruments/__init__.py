"""Instrumental variables, some of them invalid (page ``invalid_instrument``).

``samples``          observations with a binary treatment and instrument, checked
``nuisances``        parametric models of the nuisance functions, right and wrong
``multiply_robust``  the multiply robust estimator and its relatives, for stacks of samples
``crossfit``         learners trained out of fold, debiased estimates for every tuple of them
``selection``        the minimax choice among tuples, and how it does on simulated samples
``scores``           partially linear model and doubly robust Wald ratio from the same predictions
``simulate``         samples with a hidden confounder and a direct effect of the instrument
``comparisons``      estimators side by side on simulated samples: bias, spread, coverage
``population``       a population in which every expectation is a finite sum
``pension``          401(k) participation and wealth: households, classical estimates, estimates by learners
"""
