"""Control functions: what the residual of the first stage says about the second."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import BSpline

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.nets import StackedMLP, train
from paperlab.methods.representation.extrapolation import SLOPE, check_actions, float32, residuals

LEARNING_RATE = 5e-3  # of all networks at the first step
HIDDEN = (32, 32)


class Spline:
    """B-spline basis on quantile knots, linear beyond the outermost ones; columns sum to one.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Points whose quantiles are the knots.
    n_knots, degree : int
        At least 2 knots.

    Raises
    ------
    ValueError
        With fewer than two knots, or where two of the outermost quantiles are equal.
    """

    def __init__(self, x, n_knots, degree=3):
        if n_knots < 2:
            raise ValueError(f"n_knots must be at least 2, got {n_knots}")
        inner = np.quantile(x, np.linspace(0, 1, n_knots))
        self.ends, step = inner[[0, -1]], inner[[1, -1]] - inner[[0, -2]]
        if not (step > 0).all():
            raise ValueError(f"x has too many equal values at an end for {n_knots} knots at its quantiles; take fewer")
        before = inner[0] - step[0] * np.arange(degree, 0, -1)
        knots = np.concatenate([before, inner, inner[-1] + step[1] * np.arange(1, degree + 1)])
        self._basis = BSpline(knots, np.eye(n_knots + degree - 1), degree)
        self._slopes = self._basis.derivative()

    def __call__(self, x, coef=None):
        """Basis (N, p) at the points x (N,), or the function with these coefficients, (N,)."""
        inside = np.clip(x, *self.ends)
        basis, slopes = self._basis, self._slopes
        if coef is not None:
            basis = BSpline(basis.t, basis.c @ coef, basis.k)
            slopes = basis.derivative()
        values = basis(inside)
        out = np.flatnonzero(x != inside)
        values[out] += ((x - inside)[out] * slopes(inside[out]).T).T
        return values


@dataclass(frozen=True)
class ControlFunction:
    """Effect of actions through a scalar code, see `fit_control_function`.

    Attributes
    ----------
    coef : ndarray, shape (k + 1,)
        Of the regression of the code on (1, features of the actions).
    residual : ndarray, shape (n,)
        V: what the actions leave of the code.
    level : float
        E[Y] less E[l(Z)]: the mean of lambda(V) and the intercept.
    fitted : ndarray, shape (n,)
        Of the outcome.
    outcome : Spline
        Basis of l, with coefficients ``shape``.
    features : callable or None
    """

    coef: np.ndarray
    residual: np.ndarray
    level: float
    fitted: np.ndarray
    outcome: Spline
    shape: np.ndarray
    features: Callable | None

    def effect(self, actions):
        """Estimate of E[Y | do(A = a)], shape (N,), for actions (N, k)."""
        actions = finite("actions", actions)
        design = actions if self.features is None else self.features(actions)
        reached = np.column_stack([np.ones(len(actions)), design]) @ self.coef
        points = reached[:, None] + self.residual
        return self.outcome(points.ravel(), self.shape).reshape(points.shape).mean(1) + self.level


def fit_control_function(code, actions, y, *, control=True, features=None, n_knots=(8, 6), degree=3, ridge=1e-3):
    """Regress y on l(code) + lambda(v), then average over v (Rep4Ex-CF).

    Parameters
    ----------
    code : array_like, shape (n,) or (n, 1)
        Z up to an affine map.
    actions : array_like, shape (n, k)
    y : array_like, shape (n,)
    control : bool
        False leaves lambda(v) out: the regression of y on the code alone.
    features : callable, optional
        Columns on which the code is regressed, from actions (N, k); by default the actions themselves.
    n_knots : (int, int)
        Knots of l and of lambda, at least 2; 2 with ``degree=1`` gives straight lines, and the slope of l is that of
        2SLS.
    degree : int
    ridge : float
        Penalty on the squared coefficients; the intercept is free.

    Returns
    -------
    ControlFunction

    Raises
    ------
    ValueError
        If a value is not finite, shapes do not match, the code has more than one column or is constant, or an action is
        constant or a combination of others.

    Notes
    -----
    Page ``intervention_extrapolation``: ``E[Y | Z, V] = l(Z) + lambda(V)`` and
    ``E[Y | do(a)] = E[l(M0 a + V)] + E[lambda(V)]``.
    """
    y, code = finite("y", y), finite("code", code)
    if y.ndim != 1 or code.shape[:1] != y.shape:
        raise ValueError(f"code and y must have one row each per unit, got shapes {code.shape} and {y.shape}")
    code = code.reshape(len(y), -1)
    if code.shape[1] != 1:
        raise ValueError(f"code must have one column, got {code.shape[1]}; use network_effects for more")
    if code.max() == code.min():
        raise ValueError("code is constant; it says nothing about the outcome")
    actions = check_actions(actions)
    design = actions if features is None else check_actions(features(actions))
    coef = np.linalg.lstsq(np.column_stack([np.ones(len(y)), design]), code[:, 0], rcond=None)[0]
    v = residuals(code, design)[:, 0]
    outcome = Spline(code[:, 0], n_knots[0], degree)
    columns = outcome(code[:, 0])
    size = columns.shape[1]
    if control:
        columns = np.column_stack([columns, Spline(v, n_knots[1], degree)(v)])
    centre = columns.mean(0)
    gram = (columns - centre).T @ (columns - centre) + ridge * np.eye(len(centre))
    solution = np.linalg.solve(gram, (columns - centre).T @ (y - y.mean()))
    level = y.mean() - centre[:size] @ solution[:size]
    fitted = y.mean() + (columns - centre) @ solution
    return ControlFunction(coef, v, level, fitted, outcome, solution[:size], features)


def _stacked(actions, outcomes, seeds):
    """Actions (M, n, k) and outcomes (M, n) as floats, with the centre and scale (M, 1) of each outcome."""
    actions, y = finite("actions", actions, -2), finite("outcomes", outcomes, -1)
    if actions.ndim != 3 or actions.shape[:2] != y.shape or len(seeds) != len(y):
        raise ValueError(
            f"actions (M, n, k), outcomes (M, n) and M seeds must match, got {actions.shape}, {y.shape}, {len(seeds)}"
        )
    scale = y.std(1, keepdims=True)
    if not (scale > 0).all():
        raise ValueError(f"outcomes of member {int(np.argmin(scale))} are constant; there is nothing to learn")
    return actions, y, y.mean(1, keepdims=True), scale


def network_effects(codes, actions, outcomes, targets, seeds, *, control=True, n_steps=800, n_average=300):
    """The control function for codes of any dimension: l and lambda are networks; M fits in one stack.

    Parameters
    ----------
    codes, actions, outcomes : array_like, shapes (M, n, d), (M, n, k), (M, n)
    targets : array_like, shape (N, k)
        Actions whose effects are asked for.
    seeds : sequence of int, length M
        Of the starting weights; each member uses its seed and the one after it.
    control : bool
        False leaves lambda(v) out.
    n_steps : int
    n_average : int
        Number of residuals v over which l is averaged.

    Returns
    -------
    ndarray, shape (M, N)

    Raises
    ------
    ValueError
        If a value is not finite, shapes do not match or an outcome is constant.
    """
    actions, y, centre, scale = _stacked(actions, outcomes, seeds)
    codes, targets = finite("codes", codes, -2), finite("targets", targets)
    if codes.ndim != 3 or codes.shape[:2] != y.shape:
        raise ValueError(f"codes must have shape {y.shape} + (d,), got {codes.shape}")
    design = np.concatenate([np.ones((*y.shape, 1)), actions], 2)
    coef = np.stack([np.linalg.lstsq(q, c, rcond=None)[0] for q, c in zip(design, codes, strict=True)])
    v = float32(codes - design @ coef)
    z, y = float32(codes), float32((y - centre) / scale)
    sizes = [z.shape[2], *HIDDEN, 1]
    outcome = StackedMLP(sizes, seeds, slope=SLOPE)
    confounding = StackedMLP(sizes, [seed + 1 for seed in seeds], slope=SLOPE)
    parameters = [*outcome.parameters(), *(confounding.parameters() if control else [])]

    def correction():
        return confounding(v) if control else torch.zeros_like(v[..., :1])

    def loss(step):
        return ((y - (outcome(z) + correction())[..., 0]) ** 2).mean(1)

    train(loss, parameters, n_steps=n_steps, learning_rate=LEARNING_RATE)
    reached = float32(np.column_stack([np.ones(len(targets)), targets]) @ coef)
    some = v[:, :n_average]
    with torch.no_grad():
        means = [outcome(reached[:, [i]] + some).mean((1, 2)) for i in range(len(targets))]
        found = torch.stack(means, 1) + correction().mean((1, 2))[:, None]
    return centre + scale * found.double().numpy()


def action_networks(actions, outcomes, targets, seeds, *, n_steps=500):
    """The baseline: networks that regress the outcome on the actions.

    Parameters
    ----------
    actions, outcomes, targets, seeds, n_steps
        As in `network_effects`.

    Returns
    -------
    ndarray, shape (M, N)

    Raises
    ------
    ValueError
        If a value is not finite, shapes do not match or an outcome is constant.
    """
    actions, y, centre, scale = _stacked(actions, outcomes, seeds)
    targets = finite("targets", targets)
    a, y = float32(actions), float32((y - centre) / scale)
    network = StackedMLP([a.shape[2], *HIDDEN, 1], seeds, slope=SLOPE)

    def loss(step):
        return ((y - network(a)[..., 0]) ** 2).mean(1)

    train(loss, network.parameters(), n_steps=n_steps, learning_rate=LEARNING_RATE)
    with torch.no_grad():
        return centre + scale * network(float32(targets))[..., 0].double().numpy()
