"""Free parameters of a fitted mixture and their covariance."""

from __future__ import annotations

import numpy as np

from paperlab.methods.growth_mixtures.likelihood import PSI_COLUMNS, PSI_ROWS
from paperlab.methods.growth_mixtures.mixture import Mixture

__all__ = ["covariance", "free", "knot_form", "names", "with_free"]


def free(p, *, use_w=False, fixed_knot=False):
    """Free parameters as a vector, in the order of the scores.

    Parameters
    ----------
    p : paperlab.methods.growth_mixtures.trajectories.Parameters
    use_w, fixed_knot : bool
        Whether the effects of w are free, and the knots are not.

    Returns
    -------
    vector : ndarray, shape (P,)
    """
    parts = [p.gate[1:].ravel()]
    for k in range(len(p.theta)):
        parts += [p.coef[k].ravel(), p.psi[k][PSI_ROWS, PSI_COLUMNS], p.theta[k : k + 1]]
        parts += [] if fixed_knot else [p.knot[k : k + 1]]
        parts += [p.kappa[k : k + 1]] if use_w else []
    return np.concatenate(parts)


def with_free(p, vector, *, use_w=False, fixed_knot=False):
    """Parameters with their free entries taken from a vector.

    Parameters
    ----------
    p : paperlab.methods.growth_mixtures.trajectories.Parameters
    vector : array_like, shape (P,)
        In the order of `names`.
    use_w, fixed_knot : bool
        As in `free`.

    Returns
    -------
    Parameters
        A copy.

    Raises
    ------
    ValueError
        If the vector has not as many entries as ``p`` has free parameters.
    """
    vector = np.asarray(vector, dtype=float)
    wanted = free(p, use_w=use_w, fixed_knot=fixed_knot).shape
    if vector.shape != wanted:
        raise ValueError(f"vector must have shape {wanted}, one entry per free parameter, got {vector.shape}")
    out = p.copy()
    at = out.gate[1:].size
    out.gate[1:] = vector[:at].reshape(out.gate[1:].shape)
    width = out.coef.shape[2]
    for k in range(len(out.theta)):
        out.coef[k] = vector[at : at + 3 * width].reshape(3, width)
        at += 3 * width
        out.psi[k][PSI_ROWS, PSI_COLUMNS] = vector[at : at + 6]
        out.psi[k][PSI_COLUMNS, PSI_ROWS] = vector[at : at + 6]
        out.theta[k] = vector[at + 6]
        at += 7
        if not fixed_knot:
            out.knot[k] = vector[at]
            at += 1
        if use_w:
            out.kappa[k] = vector[at]
            at += 1
    return out


def names(p, *, use_w=False, fixed_knot=False):
    """Names of the free parameters, in the order of the scores; classes count from 1.

    Parameters
    ----------
    p : paperlab.methods.growth_mixtures.trajectories.Parameters
    use_w, fixed_knot : bool
        As in `free`.

    Returns
    -------
    list of str
        ``gate2.0`` (class 2, constant), ``alpha1.0`` (level), ``B1.01`` (level on the first expert), ``psi1.01``, ...
    """
    out = [f"gate{k + 1}.{j}" for k in range(1, len(p.theta)) for j in range(p.gate.shape[1])]
    for k in range(1, len(p.theta) + 1):
        out += [f"alpha{k}.{a}" if j == 0 else f"B{k}.{a}{j}" for a in range(3) for j in range(p.coef.shape[2])]
        out += [f"psi{k}.{a}{b}" for a, b in zip(PSI_ROWS, PSI_COLUMNS, strict=True)] + [f"theta{k}"]
        out += ([] if fixed_knot else [f"knot{k}"]) + ([f"kappa{k}"] if use_w else [])
    return out


def _units(data, p):
    """Parameters whose entries say how large a change of each entry of ``p`` is a change of one unit."""
    sd = np.sqrt(np.diagonal(p.psi, axis1=1, axis2=2))
    per_x, per_g = (1 / np.r_[1.0, a.std(axis=0)] for a in (data.x, data.g))
    w = data.w.std() if data.use_w else 1.0
    knot = np.full_like(p.knot, np.ptp(data.t) / 9)
    gate = np.tile(per_g, (len(p.gate), 1))
    return type(p)(gate, sd[:, :, None] * per_x, sd[:, :, None] * sd[:, None], p.theta, knot, np.sqrt(p.theta) / w)


def covariance(fit, parameters=None, *, smooth=None, step=1e-4):
    """Covariance of the free parameters: inverse of the observed information.

    The information is the central difference of the exact scores (`Mixture.gradient`), 2 P evaluations.

    Parameters
    ----------
    fit : paperlab.methods.growth_mixtures.fit.Fit
    parameters : Parameters, optional
        Those of the fit with classes in another order; default as fitted.
    smooth : float, optional
        Half-width of the rounded kink in the unit of t; default as fitted.
    step : float
        Step of the differences, relative to the size of each parameter and at least to its unit.

    Returns
    -------
    cov : ndarray, shape (P, P)
        In the order of `names`.

    Raises
    ------
    ValueError
        If x was modelled too, or the information is not positive definite (no interior maximum).
    """
    if fit.model_x:
        raise ValueError("standard errors are for models of y given x; fit with model_x = False")
    p = fit.parameters if parameters is None else parameters
    smooth = fit.smooth if smooth is None else smooth
    mixture = Mixture(fit.data, len(p.theta), smooth=smooth, fixed_knot=fit.fixed_knot)
    flags = {"use_w": fit.data.use_w, "fixed_knot": fit.fixed_knot}
    at, units = free(p, **flags), free(_units(fit.data, p), **flags)
    hess = np.empty((at.size, at.size))
    for j in range(at.size):
        h = np.zeros(at.size)
        h[j] = step * max(units[j], abs(at[j]))
        up, down = (mixture.gradient(with_free(p, at + s * h, **flags)) for s in (1, -1))
        hess[j] = (up - down) / (2 * h[j])
    info = -0.5 * (hess + hess.T)
    diagonal = np.diagonal(info)
    if not (diagonal > 0).all():
        raise ValueError("the information is not positive definite; fit with more starts or a smaller tol")
    scale = 1 / np.sqrt(diagonal)
    correlation = info * np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation).min() <= 1e-10:
        raise ValueError("the information is not positive definite; fit with more starts or a smaller tol")
    return np.linalg.inv(correlation) * np.outer(scale, scale)


def knot_form(knot):
    """Matrix from (eta_0, eta_1, eta_2) to (level at the knot, half the slopes' sum, half their difference), eq. (5).

    Parameters
    ----------
    knot : float

    Returns
    -------
    matrix : ndarray, shape (3, 3)

    Examples
    --------
    A line that rises by 2 a year to the third year and is level afterwards:

    >>> knot_form(3.0) @ [1.0, 2.0, 0.0]
    array([ 7.,  1., -1.])
    """
    return np.array([[1.0, knot, 0.0], [0.0, 0.5, 0.5], [0.0, -0.5, 0.5]])
