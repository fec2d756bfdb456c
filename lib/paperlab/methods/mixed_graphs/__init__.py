"""Linear structural equations on graphs with directed and bidirected edges (page ``one_connection_sem``).

``graphs``       mixed graphs, their cycles and one-connections, families of graphs by number or by chance
``covariances``  from effects to covariances, exactly: one-connections, elimination, trek rule; ranks of the Jacobian
``ideals``       polynomials that vanish on all covariances of a graph, degree by degree
``modular``      linear algebra modulo a prime, and the way back to fractions
``numerics``     the same model in floating point: covariances, samples, all effects that share one covariance matrix
"""
