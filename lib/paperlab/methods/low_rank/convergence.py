"""How fast a sequence of errors falls: power law or exponential, and the rate that imbalance predicts."""

import numpy as np

from paperlab.methods.low_rank.factorization import FLOOR


def tail(errors, floor=FLOOR):
    """First and last step of the second half of a run, cut where the error first falls below ``floor``.

    Returns ``(first, last)`` with ``first = last // 2``.
    """
    errors = np.asarray(errors)
    low = np.flatnonzero(errors < floor)
    last = (low[0] if len(low) else len(errors)) - 1
    return last // 2, last


def _line(x, y):
    slope, intercept = np.polyfit(x, y, 1)
    return slope, 1 - np.sum((y - slope * x - intercept) ** 2) / np.sum((y - y.mean()) ** 2)


def fit_tail(errors, floor=FLOOR):
    """Fit a power law and an exponential to the last half of a run.

    Parameters
    ----------
    errors : array_like, shape (n_steps + 1,)
    floor : float
        Errors from the first one below this are rounding and are cut off.

    Returns
    -------
    dict
        ``power``: slope of log error on log t; ``rate``: minus the slope of log error on t (per step); ``r2_power`` and
        ``r2_rate``: the two R^2; ``first``, ``last``: the window.

    Raises
    ------
    ValueError
        If fewer than 10 steps are left.
    """
    first, last = tail(errors, floor)
    first = max(first, 1)
    if last - first < 10:
        raise ValueError(f"only {last - first + 1} steps lie in the last half above the floor {floor:g}; reduce eta")
    t = np.arange(first, last + 1)
    log_error = np.log(np.asarray(errors)[first : last + 1])
    power, r2_power = _line(np.log(t), log_error)
    slope, r2_rate = _line(t, log_error)
    return {"power": power, "rate": -slope, "r2_power": r2_power, "r2_rate": r2_rate, "first": first, "last": last}


def steps_to(errors, level):
    """First step with an error below ``level``, or -1."""
    below = np.flatnonzero(np.asarray(errors) < level)
    return int(below[0]) if len(below) else -1


def imbalance(f, g):
    """The matrix ``F'F - G'G``, shape (k, k), which gradient flow conserves."""
    return f.T @ f - g.T @ g


def surplus_rate(f, g, rank, eta):
    """Rate (per step) at which the surplus part of ``F G'`` contracts, predicted from the imbalance.

    On the directions that the signal does not use, gradient flow ends with ``F'F - G'G`` unchanged and one of the two factors
    zero; the other then has squared singular values equal to the absolute eigenvalues of the imbalance there, and
    contracts the first at ``eta`` times the smallest of them.

    Parameters
    ----------
    f, g : ndarray, shapes (n1, k) and (n2, k)
        Factors after the signal has been learned.
    rank : int
        Rank of the target, ``rank < k``.
    eta : float
        Step size.

    Raises
    ------
    ValueError
        If there are no surplus columns.
    """
    k = f.shape[1]
    if rank >= k:
        raise ValueError(f"rank must be below the number of columns, got rank {rank} and k = {k}")
    weights = np.linalg.svd(f @ g.T, full_matrices=False)
    signal = weights[0][:, :rank].T @ f  # rows of F that carry the signal
    null = np.linalg.svd(signal)[2][rank:].T
    return eta * np.abs(np.linalg.eigvalsh(null.T @ imbalance(f, g) @ null)).min()
