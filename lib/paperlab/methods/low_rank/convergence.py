"""How fast a sequence of errors falls: power law or exponential, and the rate that imbalance predicts."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite

FLOOR = 1e-13  # of the first error: what lies below is rounding


@dataclass(frozen=True)
class TailFit:
    """Two laws fitted to the last half of a run.

    Attributes
    ----------
    power : float
        Slope of log error on log t.
    rate : float
        Minus the slope of log error on t, per step.
    r2_power, r2_rate : float
        Shares of the variance of log error that they explain.
    first, last : int
        The steps fitted.
    """

    power: float
    rate: float
    r2_power: float
    r2_rate: float
    first: int
    last: int


def _errors(errors):
    errors = finite("errors", errors)
    if errors.ndim != 1 or (errors < 0).any():
        raise ValueError(f"errors must be one sequence of norms, none negative, got shape {errors.shape}")
    return errors


def _line(x, y):
    slope, intercept = np.polyfit(x, y, 1)
    return slope, 1 - np.sum((y - slope * x - intercept) ** 2) / np.sum((y - y.mean()) ** 2)


def fit_tail(errors, *, floor=FLOOR):
    """Fit a power law and an exponential to the last half of a run.

    Parameters
    ----------
    errors : array_like, shape (n_steps + 1,)
    floor : float
        From the first error below this share of the first one on, errors are rounding and are cut off.

    Returns
    -------
    TailFit

    Raises
    ------
    ValueError
        If a value is not finite or negative, or fewer than 10 steps are left.

    Examples
    --------
    >>> round(fit_tail(1 / np.arange(1.0, 1001)).power, 2), round(fit_tail(0.9 ** np.arange(200)).rate, 3)
    (-1.0, 0.105)
    """
    errors = _errors(errors)
    low = np.flatnonzero(errors < floor * errors[0])
    last = int(low[0] if len(low) else len(errors)) - 1
    first = max(last // 2, 1)
    if last - first < 10:
        raise ValueError(f"only {last - first + 1} steps lie in the last half above the floor; reduce eta")
    t = np.arange(first, last + 1)
    log_error = np.log(errors[first : last + 1])
    power, r2_power = _line(np.log(t), log_error)
    slope, r2_rate = _line(t, log_error)
    return TailFit(float(power), -float(slope), float(r2_power), float(r2_rate), first, last)


def steps_to(errors, level):
    """First step with an error below ``level``, or -1.

    Parameters
    ----------
    errors : array_like, shape (n_steps + 1,)
    level : float

    Raises
    ------
    ValueError
        If an error is not finite or negative.

    Examples
    --------
    >>> steps_to([1.0, 0.5, 0.25], 0.3), steps_to([1.0, 0.5], 0.3)
    (2, -1)
    """
    below = np.flatnonzero(_errors(errors) < level)
    return int(below[0]) if len(below) else -1


def imbalance(f, g):
    """The matrix ``F'F - G'G``, which gradient flow conserves.

    Parameters
    ----------
    f, g : ndarray, shapes (n1, k) and (n2, k)

    Returns
    -------
    ndarray, shape (k, k)
    """
    return f.T @ f - g.T @ g


def surplus_rate(f, g, rank, *, eta):
    """Rate (per step) at which the surplus part of ``F G'`` contracts, predicted from the imbalance.

    On the directions that the signal does not use, gradient flow ends with ``F'F - G'G`` unchanged and one of the two
    factors zero; the other then has squared singular values equal to the absolute eigenvalues of the imbalance there,
    and contracts the first at ``eta`` times the smallest of them.

    Parameters
    ----------
    f, g : ndarray, shapes (n1, k) and (n2, k)
        Factors after the signal has been learned.
    rank : int
        Rank of the target, ``rank < k``.
    eta : float
        Step size.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are no surplus columns, or a value is not finite.

    Notes
    -----
    Page ``matrix_sensing``: ``eta min |eigenvalues of N' (F'F - G'G) N|``, N the surplus directions.
    """
    f, g = finite("f", f), finite("g", g)
    k = f.shape[1]
    if rank >= k:
        raise ValueError(f"rank must be below the number of columns, got rank {rank} and k = {k}")
    weights = np.linalg.svd(f @ g.T, full_matrices=False)
    signal = weights[0][:, :rank].T @ f  # rows of F that carry the signal
    null = np.linalg.svd(signal)[2][rank:].T
    return float(eta * np.abs(np.linalg.eigvalsh(null.T @ imbalance(f, g) @ null)).min())
