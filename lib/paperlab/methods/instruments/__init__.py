"""Instrumental variables, some of them invalid (page ``invalid_instrument``).

``samples``          observations with a binary treatment and instrument, checked
``nuisances``        parametric models of the nuisance functions, right and wrong
``multiply_robust``  the multiply robust estimator and its relatives, for stacks of samples
``crossfit``         learners trained out of fold, debiased estimates for every tuple of them, the minimax choice
``scores``           partially linear model and doubly robust Wald ratio from the same predictions
``simulate``         samples with a hidden confounder and a direct effect of the instrument; Monte Carlo over them
"""
