"""Mixtures of growth curves with experts and gates (page ``trajectory_experts``).

``trajectories``  checked outcomes, times and covariates; the parameters of K classes
``likelihood``    likelihood, sums of scores and one step of EM, compiled
``mixture``       one data set and K classes, and the compiled steps bound to them
``fit``           maximum likelihood from many starts, warm starts from nested models
``inference``     free parameters and their covariance
``forest``        score-guided trees and forests that rank covariates
``simulate``      the authors' design, and the share of persons in their class
"""
