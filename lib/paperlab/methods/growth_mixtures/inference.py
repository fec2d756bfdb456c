"""Free parameters of a fitted mixture and their covariance."""

import numpy as np

from paperlab.methods.growth_mixtures import fit as gf
from paperlab.methods.growth_mixtures import likelihood as gm


def free(p, *, use_w=False, fixed_knot=False):
    """Free parameters as a vector, in the order of the scores."""
    parts = [p.gate[1:].ravel()]
    for k in range(len(p.theta)):
        parts += [p.coef[k].ravel(), p.psi[k][gm.PSI_ROWS, gm.PSI_COLUMNS], p.theta[k : k + 1]]
        parts += [] if fixed_knot else [p.knot[k : k + 1]]
        parts += [p.kappa[k : k + 1]] if use_w else []
    return np.concatenate(parts)


def with_free(p, vector, *, use_w=False, fixed_knot=False):
    """Copy of ``p`` with its free parameters taken from ``vector``."""
    out = p.copy()
    at = out.gate[1:].size
    out.gate[1:] = vector[:at].reshape(out.gate[1:].shape)
    width = out.coef.shape[2]
    for k in range(len(out.theta)):
        out.coef[k] = vector[at : at + 3 * width].reshape(3, width)
        at += 3 * width
        out.psi[k][gm.PSI_ROWS, gm.PSI_COLUMNS] = vector[at : at + 6]
        out.psi[k][gm.PSI_COLUMNS, gm.PSI_ROWS] = vector[at : at + 6]
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
    """Names of the free parameters, in the order of the scores; classes count from 1."""
    out = [f"gate{k + 1}.{j}" for k in range(1, len(p.theta)) for j in range(p.gate.shape[1])]
    for k in range(1, len(p.theta) + 1):
        out += [f"alpha{k}.{a}" if j == 0 else f"B{k}.{a}{j}" for a in range(3) for j in range(p.coef.shape[2])]
        out += [f"psi{k}.{a}{b}" for a, b in zip(gm.PSI_ROWS, gm.PSI_COLUMNS, strict=True)] + [f"theta{k}"]
        out += ([] if fixed_knot else [f"knot{k}"]) + ([f"kappa{k}"] if use_w else [])
    return out


def covariance(fit, parameters=None, *, smooth=gf.SMOOTH, step=1e-4):
    """Covariance of the free parameters: inverse of the observed information.

    The information is the central difference of the exact scores (`growth_fit.Engine.gradient`), 2 P evaluations.

    Raises
    ------
    ValueError
        If x was modelled too, or the information is not positive definite (no interior maximum).
    """
    if fit.model_x:
        raise ValueError("standard errors are for models of y given x; fit with model_x = False")
    work = gf.Engine(fit.data, len(fit.parameters.theta), smooth, fit.fixed_knot)
    flags = {"use_w": fit.data.use_w, "fixed_knot": fit.fixed_knot}
    p = fit.parameters if parameters is None else parameters
    at = free(p, **flags)
    hess = np.empty((at.size, at.size))
    for j in range(at.size):
        h = np.zeros(at.size)
        h[j] = step * max(1.0, abs(at[j]))
        up, down = (work.gradient(with_free(p, at + s * h, **flags)) for s in (1, -1))
        hess[j] = (up - down) / (2 * h[j])
    info = -0.5 * (hess + hess.T)
    if np.linalg.eigvalsh(info).min() <= 0:
        raise ValueError("the information is not positive definite; fit with more starts or a smaller tol")
    return np.linalg.inv(info)


def knot_form(knot):
    """Matrix from (eta_0, eta_1, eta_2) to (level at the knot, half the sum, half the difference of the slopes)."""
    return np.array([[1.0, knot, 0.0], [0.0, 0.5, 0.5], [0.0, -0.5, 0.5]])
