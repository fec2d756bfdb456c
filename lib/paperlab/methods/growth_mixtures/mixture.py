"""One data set and K classes, and the compiled likelihood, scores and steps of EM bound to them.

Page ``trajectory_experts``. The likelihood is eq. (4); scores follow from Fisher's identity.
"""

from __future__ import annotations

import operator

import numpy as np

from paperlab.methods.growth_mixtures import likelihood as kernels
from paperlab.methods.growth_mixtures.likelihood import PSI_COLUMNS, PSI_ROWS, Observations, Posterior

__all__ = ["SMOOTH", "Mixture"]

SMOOTH = 1 / 9000
"""Share of the observed time within which the kink at a knot is rounded: 0.001 on ten waves 0 to 9."""


class Mixture:
    """A growth mixture of ``n_classes`` classes for one data set.

    Parameters
    ----------
    data : Trajectories
    n_classes : int
    smooth : float, optional
        Half-width of the rounded kink, in the unit of t; by default ``SMOOTH`` times the observed time.
    fixed_knot : bool
        Whether the knots are given.
    model_x : bool
        Whether the expert covariates are modelled as normal in every class.

    Attributes
    ----------
    posterior : Posterior
        As of the last call of `loglik`.

    Raises
    ------
    ValueError
        If there is no class, or ``smooth`` is not positive; later, if parameters do not suit data and classes.
    """

    def __init__(self, data, n_classes, *, smooth=None, fixed_knot=False, model_x=False):
        n, k = len(data.y), operator.index(n_classes)
        if k < 1 or not (smooth is None or smooth > 0):
            raise ValueError(f"n_classes must be at least 1 and smooth positive, got {n_classes} and {smooth}")
        one = np.ones((n, 1))
        self.data, self.free_knot, self.model_x = data, not fixed_knot, model_x
        self.smooth = SMOOTH * np.ptp(data.t) if smooth is None else float(smooth)
        x1, g1 = np.hstack([one, data.x]), np.hstack([one, data.g])
        self.observed = Observations(data.y, data.t, data.w, x1, g1, np.zeros((n, k)))
        self.posterior = Posterior(np.empty((n, k)), np.empty((n, k, 3)), np.empty((n, k, 6)), np.empty(n))
        first, last = data.t.min(), data.t.max()
        self.bounds = np.array([first + 0.02 * (last - first), last - 0.02 * (last - first)])
        self.moments_x = None

    def _checked(self, p):
        """Parameters as contiguous floats of the shapes that the kernels count on."""
        k = self.posterior.resp.shape[1]
        wanted = [(k, self.observed.g1.shape[1]), (k, 3, self.observed.x1.shape[1]), (k, 3, 3), (k,), (k,), (k,)]
        shapes = [np.shape(a) for a in p]
        if shapes != wanted:
            raise ValueError(f"parameters must have shapes {wanted} for {k} classes of this data, got {shapes}")
        return p.copy()

    def loglik(self, p):
        """Log-likelihood at parameters ``p``, eq. (4); fills ``posterior``."""
        return kernels.e_step(self.observed, self._checked(p), self.smooth, self.posterior)

    def update(self, p):
        """One M-step from the present posterior; returns new parameters."""
        p, posterior = self._checked(p), self.posterior
        if len(p.theta) > 1:
            kernels.gate_step(self.observed.g1, posterior.resp, p.gate, 1)
        kernels.m_step_growth(self.observed.x1, posterior, p.coef, p.psi)
        kernels.m_step_curve(self.observed, posterior, p, self.smooth, self.bounds, self.free_knot, self.data.use_w)
        if self.model_x:
            self.update_x()
        return p

    def update_x(self):
        """Weighted mean and covariance of the expert covariates in every class, and their log densities."""
        means, covs = [], []
        for k, weight in enumerate(self.posterior.resp.T):
            m = weight @ self.data.x / weight.sum()
            dev = self.data.x - m
            cov = (dev * weight[:, None]).T @ dev / weight.sum()
            quad = (dev * np.linalg.solve(cov, dev.T).T).sum(axis=1)
            log_det = np.linalg.slogdet(cov)[1]
            self.observed.log_x[:, k] = -0.5 * (quad + log_det + dev.shape[1] * kernels.LOG_2PI)
            means.append(m)
            covs.append(cov)
        self.moments_x = np.array(means), np.array(covs)

    def start_x(self, p):
        """Densities of the expert covariates from the posterior that ``p`` has without them."""
        self.observed.log_x[:] = 0.0
        self.loglik(p)
        self.update_x()

    def valid(self, p):
        """Whether parameters are finite, variances positive and knots inside their bounds."""
        if not np.isfinite(p.flat()).all() or p.theta.min() <= 0:
            return False
        if self.free_knot and (p.knot.min() < self.bounds[0] or p.knot.max() > self.bounds[1]):
            return False
        sd = np.sqrt(np.maximum(np.diagonal(p.psi, axis1=1, axis2=2), 0.0))
        if sd.min() <= 0:
            return False
        return np.linalg.eigvalsh(p.psi / sd[:, :, None] / sd[:, None]).min() > 1e-10

    def _residuals(self, p):
        """Class probabilities given the gates (n, K), and `residual_parts` of every person and class (n, K, 5)."""
        self.loglik(p)  # checks p
        resp = self.posterior.resp
        logs, parts = np.empty_like(resp), np.empty((*resp.shape, 5))
        kernels.gate_logs(self.observed.g1, p.gate, logs)
        kernels.residual_table(self.observed, self.posterior, p.knot, p.kappa, self.smooth, parts)
        return np.exp(logs), parts

    def scores(self, p):
        """Scores of all persons at ``p``, shape (n, P), by Fisher's identity; runs the E-step first.

        Order: gates of classes 1 to K-1; then per class the rows of coef, the upper triangle of psi, theta, the knot
        (if free) and, with w, kappa.
        """
        p, (n, waves) = self._checked(p), self.data.y.shape
        prior, parts = self._residuals(p)
        resp, mean, var, _ = self.posterior
        x1, g1 = self.observed.x1, self.observed.g1
        twice = np.where(PSI_ROWS == PSI_COLUMNS, 0.5, 1.0)
        out = [(resp[:, k] - prior[:, k])[:, None] * g1 for k in range(1, len(p.theta))]
        for k, theta in enumerate(p.theta):
            inv = np.linalg.inv(p.psi[k])
            dev = mean[:, k] - x1 @ p.coef[k].T
            spread = np.empty((n, 3, 3))
            spread[:, PSI_ROWS, PSI_COLUMNS] = spread[:, PSI_COLUMNS, PSI_ROWS] = var[:, k]
            half = inv @ (spread + dev[:, :, None] * dev[:, None] - p.psi[k]) @ inv
            block = [
                ((dev @ inv)[:, :, None] * x1[:, None]).reshape(n, -1),
                half[:, PSI_ROWS, PSI_COLUMNS] * twice,
                0.5 * (parts[:, k, :1] / theta - waves) / theta,
            ]
            block += [parts[:, k, 1:2] / theta] if self.free_knot else []
            block += [parts[:, k, 3:4] / theta] if self.data.use_w else []
            out.append(resp[:, k : k + 1] * np.hstack(block))
        return np.hstack(out)

    def gradient(self, p):
        """Column sums of `scores`, from sums over persons only; runs the E-step first."""
        p, waves = self._checked(p), self.data.y.shape[1]
        prior, parts = self._residuals(p)
        resp, mean, var, _ = self.posterior
        x1 = self.observed.x1
        out = [((resp - prior).T @ self.observed.g1)[1:].ravel()]
        for k, theta in enumerate(p.theta):
            r, inv = resp[:, k], np.linalg.inv(p.psi[k])
            dev = mean[:, k] - x1 @ p.coef[k].T
            weighted = dev * r[:, None]
            spread = dev.T @ weighted - r.sum() * p.psi[k]
            spread[PSI_ROWS, PSI_COLUMNS] += r @ var[:, k]
            spread[PSI_COLUMNS, PSI_ROWS] = spread[PSI_ROWS, PSI_COLUMNS]
            half = (inv @ spread @ inv)[PSI_ROWS, PSI_COLUMNS] * np.where(PSI_ROWS == PSI_COLUMNS, 0.5, 1.0)
            square, slope, _, effect, _ = r @ parts[:, k]
            last = [0.5 * (square / theta - waves * r.sum()) / theta]
            last += [slope / theta] if self.free_knot else []
            last += [effect / theta] if self.data.use_w else []
            out += [(inv @ weighted.T @ x1).ravel(), half, last]
        return np.concatenate(out)
