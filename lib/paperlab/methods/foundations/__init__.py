"""What two wings need, and nothing that only one needs.

``checks``          arrays, finiteness, labels and rank at the door of every function
``linear``          least squares, two stages, ridge, covariances by cluster
``logistic``        logistic regression by Newton's method
``components``      principal components of panels
``small_matrices``  products and inverses of many small matrices
``metrics``         areas under curves, F1 by class, root mean squared error
``ranking``         full ranking of many candidates, measures and areas per user, paired bootstrap
``resampling``      splits, weights and blocks of resampled data
``monte_carlo``     replications on streams of their own, whatever the number of workers
``nets``            many small networks trained side by side
``contrastive``     contrastive losses
``forest``          random forests
``attribution``     occlusion and sampled Shapley values
"""
