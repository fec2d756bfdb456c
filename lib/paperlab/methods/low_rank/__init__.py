"""Low-rank matrices by gradient descent on their factors (page ``matrix_sensing``).

``factorization``   targets, starts, settings, and descent on a matrix that is seen in full
``sensing``         the same descent from random linear measurements
``convergence``     power law or exponential: how an error falls, and the rate that imbalance predicts
``loop``            the compiled loop, many runs side by side
"""
