"""Low-rank matrices by gradient descent on their factors (page ``matrix_sensing``)."""
