"""Two parties choose candidate policies against each other: the general election, and the primaries before it.

Page ``conjoint_candidates``. Player A (Republicans) raises the share, player B (Democrats) lowers it; both pay for
leaving the design probabilities. Everything is batched over leading axes (bootstrap draws, penalties).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import expit

from paperlab.methods.conjoint.layout import Layout
from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class Outcome:
    """Republican share ``value`` (...), and its gradients ``grad_r``, ``grad_d`` (..., n_levels) in both policies."""

    value: np.ndarray
    grad_r: np.ndarray
    grad_d: np.ndarray


@dataclass(frozen=True)
class Nomination:
    """Probability ``value`` (...) of winning a primary, and its gradient ``grad`` (..., n_levels) in the policy."""

    value: np.ndarray
    grad: np.ndarray


@dataclass(frozen=True)
class Quadrants:
    """Probability ``chance`` and Republican ``share`` of four general elections, shapes (..., 4).

    Order: both entrants nominated; only the Republican entrant; only the Democratic one; neither.
    """

    chance: np.ndarray
    share: np.ndarray


@dataclass(frozen=True)
class Election:
    """A general election between candidates drawn from two policies, optionally after primaries.

    Attributes
    ----------
    intercept : ndarray, shape (..., 2)
        Republican share among Democratic and Republican voters when both candidates are drawn from the design.
    slope_r, slope_d : ndarray, shape (..., 2, n_levels)
        Effect of a level of the Republican on his share, of the Democrat on hers, by party of the voter.
    weight : ndarray, shape (2,)
        Share of Democratic and Republican voters.
    primary_r, primary_d : ndarray of shape (..., n_levels), or None
        Effect of a level on winning a primary against a field candidate from the design; None for no primaries.
    p : ndarray, shape (n_levels,)
    layout : Layout
    link : {"linear", "logit"}
        With "logit" intercept and slopes are on the logit scale; means over profiles use the logistic-normal
        approximation.

    Raises
    ------
    ValueError
        If a coefficient is not finite, a shape does not fit the layout, ``weight`` is no share of voters, or ``link``
        is unknown.
    """

    intercept: np.ndarray
    slope_r: np.ndarray
    slope_d: np.ndarray
    weight: np.ndarray
    primary_r: np.ndarray | None
    primary_d: np.ndarray | None
    p: np.ndarray
    layout: Layout
    link: str = "linear"
    batched: ClassVar[tuple] = ("intercept", "slope_r", "slope_d", "primary_r", "primary_d")

    def __post_init__(self):
        if self.link not in ("linear", "logit"):
            raise ValueError(f"link must be linear or logit, got {self.link!r}")
        weight = finite("weight", self.weight)
        if weight.shape != (2,) or (weight < 0).any() or abs(weight.sum() - 1) > 1e-9:
            raise ValueError(f"weight must be two shares of voters with sum 1, got {weight}")
        size, (one, two) = self.layout.size, (self.primary_r, self.primary_d)
        if (one is None) != (two is None):
            raise ValueError("primary_r and primary_d must both be given, or neither")
        ends = {"intercept": (2,), "slope_r": (2, size), "slope_d": (2, size), "p": (size,)}
        ends |= {} if one is None else {"primary_r": (size,), "primary_d": (size,)}
        for name, end in ends.items():
            values = finite(name, getattr(self, name), -1)
            if values.shape[-len(end) :] != end:
                raise ValueError(f"{name} must end in shape {end}, got {values.shape}")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "weight", weight)

    def without_primaries(self):
        """The same electorate, entrants nominated without a vote."""
        return replace(self, primary_r=None, primary_d=None)

    def single(self, *index):
        """One game of a batch, by its place along the leading axes."""
        names = [name for name in self.batched if getattr(self, name) is not None]
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    @cached_property
    def _summed(self):
        """Intercept and slopes averaged over the electorate: all that the linear link needs."""
        w = self.weight
        return (w * self.intercept).sum(-1), *((w[:, None] * s).sum(-2) for s in (self.slope_r, self.slope_d))

    def _moments(self, slope, pi):
        """Centred mean and variance of slope'x, x from a policy, and gradient of the variance."""
        expected = self.layout.total(slope * pi)
        mean = (slope * (pi - self.p)).sum(-1)
        spread = (slope**2 * pi).sum(-1) - (expected[..., self.layout.starts] ** 2).sum(-1)
        return mean, spread, slope**2 - 2 * expected * slope

    def share(self, pi_r, pi_d):
        """Republican share in the general election, with its gradients.

        Parameters
        ----------
        pi_r, pi_d : ndarray, shape (..., n_levels)

        Returns
        -------
        Outcome

        Raises
        ------
        ValueError
            If a policy has another number of levels, or is not finite.
        """
        self._check_shapes(pi_r=pi_r, pi_d=pi_d)
        if self.link == "linear":
            (gain_r, grad_r), (gain_d, grad_d) = self._gain("R", pi_r), self._gain("D", pi_d)
            value = self._summed[0] + gain_r - gain_d
            return Outcome(_finite_value(value, pi_r=pi_r, pi_d=pi_d), grad_r, -grad_d)
        mean_r, var_r, dvar_r = self._moments(self.slope_r, pi_r[..., None, :])
        mean_d, var_d, dvar_d = self._moments(self.slope_d, pi_d[..., None, :])
        value, by_mean, by_var = _logistic_normal(self.intercept + mean_r - mean_d, var_r + var_d)
        w = self.weight
        grad_r = ((w * by_mean)[..., None] * self.slope_r + (w * by_var)[..., None] * dvar_r).sum(-2)
        grad_d = (-(w * by_mean)[..., None] * self.slope_d + (w * by_var)[..., None] * dvar_d).sum(-2)
        return Outcome(_finite_value((w * value).sum(-1), pi_r=pi_r, pi_d=pi_d), grad_r, grad_d)

    def _check_shapes(self, **policies):
        for name, pi in policies.items():
            if pi.shape[-1:] != self.p.shape:
                raise ValueError(f"{name} must have one entry for each of {self.p.size} levels, got shape {pi.shape}")

    def _gain(self, party, pi):
        """What entrants of a party add to its share with the linear link, against any opponent; value and gradient."""
        slope = self._summed[1 if party == "R" else 2]
        return (slope * (pi - self.p)).sum(-1), slope

    def _lead(self, party, pi):
        """What entrants add to one half in their party's primary with the linear link; value and gradient."""
        slope = self.primary_r if party == "R" else self.primary_d
        return (slope * (pi - self.p)).sum(-1), slope

    def nomination(self, pi, party):
        """Probability that an entrant from ``pi`` beats the field in a primary; 1 where there are no primaries.

        Parameters
        ----------
        pi : ndarray, shape (..., n_levels)
        party : {"R", "D"}

        Returns
        -------
        Nomination

        Raises
        ------
        ValueError
            If the policy has another number of levels, or is not finite, or the party is unknown.
        """
        self._check_shapes(pi=pi)
        if party not in ("R", "D"):
            raise ValueError(f"party must be R or D, got {party!r}")
        slope = self.primary_r if party == "R" else self.primary_d
        if slope is None:
            return Nomination(np.ones(pi.shape[:-1]), np.zeros_like(pi))
        if self.link == "linear":
            lead, grad = self._lead(party, pi)
            return Nomination(_finite_value(0.5 + lead, pi=pi), grad)
        mean, var, dvar = self._moments(slope, pi)
        _, field, _ = self._moments(slope, np.broadcast_to(self.p, pi.shape))
        value, by_mean, by_var = _logistic_normal(mean, var + field)
        return Nomination(_finite_value(value, pi=pi), by_mean[..., None] * slope + by_var[..., None] * dvar)

    def quadrants(self, pi_r, pi_d):
        """The four general elections that primaries may lead to.

        Parameters
        ----------
        pi_r, pi_d : ndarray, shape (..., n_levels)

        Returns
        -------
        Quadrants
        """
        k_r, k_d = self.nomination(pi_r, "R").value, self.nomination(pi_d, "D").value
        field = np.broadcast_to(self.p, pi_r.shape)
        sides = [(pi_r, pi_d), (pi_r, field), (field, pi_d), (field, field)]
        chance = np.stack([k_r * k_d, k_r * (1 - k_d), (1 - k_r) * k_d, (1 - k_r) * (1 - k_d)], -1)
        return Quadrants(chance, np.stack([self.share(*side).value for side in sides], -1))

    def outcome(self, pi_r, pi_d):
        """Expected Republican share over nominations ("linearised" push-forward), with its gradients.

        Parameters
        ----------
        pi_r, pi_d : ndarray, shape (..., n_levels)

        Returns
        -------
        Outcome

        Notes
        -----
        Page ``conjoint_candidates``, "Model": ``k_R k_D Q(R, D) + k_R (1 - k_D) Q(R, p) + (1 - k_R) k_D Q(p, D)
        + (1 - k_R) (1 - k_D) Q(p, p)``; with the linear link ``Q(R, D) = Q(p, p) + h_R - h_D``, and this is
        ``Q(p, p) + k_R h_R - k_D h_D``.
        """
        if self.primary_r is None:
            return self.share(pi_r, pi_d)
        first, second = self.nomination(pi_r, "R"), self.nomination(pi_d, "D")
        k_r, k_d = first.value, second.value
        if self.link == "linear":
            (gain_r, grad_r), (gain_d, grad_d) = self._gain("R", pi_r), self._gain("D", pi_d)
            up = k_r[..., None] * grad_r + gain_r[..., None] * first.grad
            down = k_d[..., None] * grad_d + gain_d[..., None] * second.grad
            return Outcome(self._summed[0] + k_r * gain_r - k_d * gain_d, up, -down)
        field = np.broadcast_to(self.p, pi_r.shape)
        both, only_r, only_d = self.share(pi_r, pi_d), self.share(pi_r, field), self.share(field, pi_d)
        none = self.share(field, field).value
        value = (
            k_r * k_d * both.value
            + k_r * (1 - k_d) * only_r.value
            + (1 - k_r) * k_d * only_d.value
            + (1 - k_r) * (1 - k_d) * none
        )
        by_r = k_d * (both.value - only_d.value) + (1 - k_d) * (only_r.value - none)
        by_d = k_r * (both.value - only_r.value) + (1 - k_r) * (only_d.value - none)
        k_r, k_d = k_r[..., None], k_d[..., None]
        grad_r = by_r[..., None] * first.grad + k_r * (k_d * both.grad_r + (1 - k_d) * only_r.grad_r)
        grad_d = by_d[..., None] * second.grad + k_d * (k_r * both.grad_d + (1 - k_r) * only_d.grad_d)
        return Outcome(value, grad_r, grad_d)


def _finite_value(value, **policies):
    """The value, if finite; else the policy that is not is named: cheaper than a look at each policy at each step."""
    if not np.isfinite(value).all():
        for name, pi in policies.items():
            finite(name, pi, -1)
    return value


def _logistic_normal(mean, spread):
    """Mean of the logistic function of a normal predictor; derivatives with respect to its mean and variance."""
    shrink = 1 / np.sqrt(1 + np.pi * spread / 8)
    value = expit(mean * shrink)
    slope = value * (1 - value)
    return value, slope * shrink, slope * mean * (-np.pi / 16) * shrink**3


def distance(pi, p):
    """Penalty ``|pi - p|^2`` of policies (..., n_levels), shape (...)."""
    return ((pi - p) ** 2).sum(-1)
