"""Columns and outcomes near one in size, for libraries whose tolerances are absolute.

scikit-learn's trees take values that differ by less than 1e-7 for equal and stop splitting at a gain of 1e-16; its
naive Bayes adds a share of the largest variance to all of them. In other units the answer would be another one.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


def unit_of(values):
    """Power of two below the range of each column; 1 for a constant one. Dividing by it rounds nothing.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, p)

    Returns
    -------
    float or ndarray, shape (p,)

    Examples
    --------
    >>> unit_of([[0.0, 5], [3e-9, 5]]) == [2.0**-29, 1]
    array([ True,  True])
    """
    spread = np.ptp(np.asarray(values, float), axis=0)
    return np.exp2(np.floor(np.log2(np.where(spread > 0, spread, 1))))


class UnitScaler(TransformerMixin, BaseEstimator):
    """Step of a scikit-learn pipeline that divides each column by `unit_of` its training values."""

    def fit(self, x, y=None):
        """Learn the units of the columns of ``x``, shape (n, p)."""
        self.unit_ = unit_of(x)
        return self

    def transform(self, x):
        """Columns of ``x`` in those units."""
        return np.asarray(x, float) / self.unit_
