"""Which trait goes with which category: all correlations, their p-values, and what many tests do to them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class Links:
    """Correlations of traits with outcomes, shape (n_traits, n_outcomes) each.

    Attributes
    ----------
    r, p : ndarray
        Correlation, and its two-sided p-value.
    """

    r: np.ndarray
    p: np.ndarray

    @property
    def holm(self):
        """p-values after Holm's correction: any false link in a share of studies as small as the level."""
        return holm(self.p)

    @property
    def bh(self):
        """p-values after Benjamini and Hochberg: of the links declared, at most the level is expected to be false."""
        return stats.false_discovery_control(self.p, axis=None).reshape(self.p.shape)


def correlations(traits, outcomes):
    """Correlate every trait with every outcome.

    Parameters
    ----------
    traits : array_like, shape (n, k)
    outcomes : array_like, shape (n, m)
        E.g. mean rating of each person in each category.

    Returns
    -------
    Links

    Raises
    ------
    ValueError
        If a value is not finite, numbers of rows differ or are below 3, or a column does not vary.

    Examples
    --------
    >>> correlations([[1.0], [2], [3], [4]], [[1.0], [3], [2], [4]]).r.round(2)
    array([[0.8]])
    """
    parts = []
    for name, values in (("traits", traits), ("outcomes", outcomes)):
        values = finite(name, values)
        if values.ndim != 2:
            raise ValueError(f"{name} must be a table of people and columns, got shape {values.shape}")
        values = values - values.mean(axis=0)
        length = np.linalg.norm(values, axis=0)
        if (length == 0).any():
            raise ValueError(
                f"{name}: column {int(np.argmin(length))} is the same for everybody; it has no correlation"
            )
        parts.append(values / length)
    n = len(parts[0])
    if n != len(parts[1]) or n < 3:
        raise ValueError(f"traits and outcomes must have the same three or more people, got {n} and {len(parts[1])}")
    r = np.clip(parts[0].T @ parts[1], -1, 1)
    with np.errstate(divide="ignore"):
        t = np.abs(r) * np.sqrt((n - 2) / np.maximum(1 - r**2, 0))
    return Links(r, 2 * stats.t.sf(t, n - 2))


def holm(p):
    """Holm's step-down correction of p-values, in the shape of ``p``.

    Notes
    -----
    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below an earlier one or exceeds 1.
    ``statsmodels.stats.multitest.multipletests`` gives the same (a test compares), but clears all of Python's memory at
    every call, some 0.05 s, and a page corrects thousands of studies.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = finite("p", p)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(f"p must lie between 0 and 1, got {p.min():g} to {p.max():g}")
    order = np.argsort(p, axis=None)
    steps = p.ravel()[order] * np.arange(p.size, 0, -1)
    found = np.empty(p.size)
    found[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return found.reshape(p.shape)
