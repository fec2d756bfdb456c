"""Experiments with a known truth: many samples of a design, estimated and compared with it.

Page ``conjoint_candidates``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from paperlab.methods.conjoint import gender_game, simulate, two_way
from paperlab.methods.conjoint.held_out import fold_fits
from paperlab.methods.conjoint.policy import TwoWayModel, check_penalty, linear_policy
from paperlab.methods.conjoint.policy import two_way as two_way_columns
from paperlab.methods.foundations.linear import least_squares
from paperlab.methods.foundations.monte_carlo import replicate, replicate_stacked

NORMAL_95 = 1.96
N_FOLDS = 5


def average_case_errors(truth, n, streams, *, noise_sd):
    """Errors of the closed-form policy over samples of the average-case design, and coverage of its 95 % intervals.

    Parameters
    ----------
    truth : AverageCase
    n : int
        Profiles in a sample.
    streams : sequence of numpy.random.SeedSequence
        One for each sample.
    noise_sd : float

    Returns
    -------
    dict of str to float
        ``RMSE`` and mean absolute ``bias`` of the probabilities, ``coverage`` of the policy, ``coverage of Q`` of its
        value, and ``inside``, the share of samples in which the closed form was a maximum within the simplex.

    Raises
    ------
    ValueError
        As `simulate.estimate_average`, or without a stream.
    """

    def one(rng):
        found = simulate.estimate_average(truth, n, noise_sd=noise_sd, rng=rng)
        return {name: getattr(found, name) for name in ("pi", "se_pi", "value", "se_value", "inside")}

    found = replicate(one, streams)
    error, value_error = found["pi"] - truth.pi, found["value"] - truth.value
    return {
        "RMSE": np.sqrt((error**2).mean()),
        "bias": np.abs(error.mean(0)).mean(),
        "coverage": (np.abs(error) < NORMAL_95 * found["se_pi"]).mean(),
        "coverage of Q": (np.abs(value_error) < NORMAL_95 * found["se_value"]).mean(),
        "inside": found["inside"].mean(),
    }


@dataclass(frozen=True)
class SubstitutesFits:
    """Two-way models and AMCE profiles of samples in which two attributes replace each other.

    Attributes
    ----------
    fitted : TwoWayModel
        One for each sample, of binary attributes.
    amce_profile : ndarray of 0 and 1, shape (n_samples, k)
        Every attribute with a positive average effect.
    truth : TwoWayModel
    """

    fitted: TwoWayModel
    amce_profile: np.ndarray
    truth: TwoWayModel

    def learned(self, lam, *, rng, n_starts=4, n_steps=300):
        """Policies of the largest penalised fitted value, shape (n_samples, k), by projected steps from random starts.

        Raises
        ------
        ValueError
            If ``lam`` is not positive.
        """
        check_penalty(lam)
        beta, gamma = self.fitted.beta, self.fitted.gamma
        x = rng.random((n_starts, *beta.shape))
        rate = 1 / (4 * lam + np.abs(gamma).sum(-1).max())
        for _ in range(n_steps):
            x = np.clip(x + rate * (beta + (gamma @ x[..., None])[..., 0] - 4 * lam * (x - 0.5)), 0, 1)
        reached = self.fitted.value(x) - 2 * lam * ((x - 0.5) ** 2).sum(-1)
        return np.take_along_axis(x, reached.argmax(0)[None, :, None], 0)[0]


def substitutes_fits(n, n_samples, *, interaction, rng):
    """Fit each of many samples of `simulate.substitutes`.

    Parameters
    ----------
    n, n_samples : int
        Profiles in a sample, and samples.
    interaction : float
    rng : numpy.random.Generator

    Returns
    -------
    SubstitutesFits

    Raises
    ------
    ValueError
        If there is no sample, or so few profiles that effects are not identified.
    """

    def several(size, rng):
        drawn = simulate.substitutes(size * n, rng=rng, interaction=interaction)
        wide, y = two_way_columns(drawn.x).reshape(size, n, -1), drawn.y.reshape(size, n)
        effects = least_squares(wide[..., : 1 + drawn.x.shape[1]], y)[:, 1:]
        return {"coef": least_squares(wide, y), "profile": (effects > 0).astype(float)}

    found = replicate_stacked(several, n_samples, rng=rng, chunk=50)
    truth = simulate.substitutes(1, rng=rng, interaction=interaction).model
    return SubstitutesFits(TwoWayModel.from_coef(found["coef"], truth.beta.size), found["profile"], truth)


@dataclass(frozen=True)
class GenderErrors:
    """Estimates of the gender game over many samples.

    Attributes
    ----------
    truth : ndarray, shape (2,)
        True probabilities of a man, Republicans and Democrats, from a grid.
    error : ndarray, shape (n_replications, 2)
        Absolute errors.
    covered : ndarray of bool, shape (n_replications, 2)
        The 95 % interval contains the truth.
    at_bound : int
        Samples in which an estimate is 0 or 1, where intervals do not hold; counted as they are.
    """

    truth: np.ndarray
    error: np.ndarray
    covered: np.ndarray
    at_bound: int


def gender_errors(p_r, n, n_replications, lam, *, rng, votes=gender_game.AUTHORS):
    """Estimate the equilibrium of the gender game in many samples.

    Parameters
    ----------
    p_r : float
        Share of Republican voters, in (0, 1).
    n, n_replications : int
        Respondents in a sample, and samples.
    lam : float
    rng : numpy.random.Generator
    votes : tuple of ndarray
        As `gender_game.AUTHORS`.

    Returns
    -------
    GenderErrors
    """
    m = gender_game.true_matrix(p_r, votes)
    grid, exact = gender_game.grid_equilibrium(m, lam), gender_game.equilibrium(m, lam)
    samples = gender_game.sample(p_r, n, n_replications, rng=rng, votes=votes)
    point = gender_game.equilibrium(samples.matrix(p_r), lam)
    found = np.stack([point.x, point.y], -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of samples at a bound, counted here
        se = gender_game.standard_errors(samples, p_r, lam)
    truth = np.array([grid.x, grid.y])
    covered = np.abs(found - (exact.x, exact.y)) < NORMAL_95 * se
    return GenderErrors(truth, np.abs(found - truth), covered, int(np.isin(found, (0, 1)).any(axis=1).sum()))


@dataclass(frozen=True)
class SurveyGains:
    """True share of policies learned in simulated surveys, against a candidate by lot; each of shape (n_surveys,).

    Attributes
    ----------
    main, two_way : ndarray
        Of the policies of main effects and of the two-way model.
    best : ndarray
        Of the best policy at the same penalty, knowing the truth.
    penalty : ndarray
        Ridge penalty of the interactions that cross-validation chose.
    saved : ndarray
        Held-out squared error of a choice that interactions save at that penalty.
    """

    main: np.ndarray
    two_way: np.ndarray
    best: np.ndarray
    penalty: np.ndarray
    saved: np.ndarray


def survey_gains(truths, layout, lam, *, n_pairs, penalties, main_penalty=20.0, rng):
    """Learn policies with and without two-way terms from simulated forced choices, and look up what they are worth.

    Parameters
    ----------
    truths : sequence of TwoWayModel
        One for each survey, over all levels; see `simulate.interacting_model`.
    layout : Layout
    lam : float
        Price of leaving the design.
    n_pairs : int
        Choices in a survey; all surveys show the same pairs of profiles.
    penalties : sequence of float
        Ridge penalties of the interactions to choose from, by the held-out error in five folds.
    main_penalty : float
        Of main effects.
    rng : numpy.random.Generator

    Returns
    -------
    SurveyGains

    Raises
    ------
    ValueError
        If a penalty is not above 0.
    """
    check_penalty(lam)
    two_way.check_penalties(main_penalty, penalties)
    p, m = layout.uniform, layout.size
    x1, x2 = (layout.argmax(rng.random((n_pairs, m))) for _ in range(2))
    chance = np.array([np.clip(0.5 + truth.value(x1) - truth.value(x2), 0.01, 0.99) for truth in truths])
    y = (rng.random(chance.shape) < chance).T - 0.5
    x = np.hstack([x1 - x2, two_way.pair_columns(x1, layout) - two_way.pair_columns(x2, layout)])
    ridges = [two_way.ridge_of(0, m, x.shape[1] - m, (main_penalty, penalty)) for penalty in penalties]
    fold = rng.permutation(n_pairs) % N_FOLDS
    loss, short = (fold_fits(*fit, fold=fold).loss.mean(1) for fit in ((x, y, ridges), (x[:, :m], y, [ridges[0][:m]])))
    choice = loss.argmin(0)
    gram, moment = x.T @ x, x.T @ y
    coef = np.empty((len(truths), x.shape[1]))
    for row in np.unique(choice):
        mine = choice == row
        coef[mine] = cho_solve(cho_factor(gram + np.diag(ridges[row])), moment[:, mine]).T
    main = np.linalg.solve(gram[:m, :m] + np.diag(ridges[0][:m]), moment[:m]).T
    models = two_way.centred_model(coef[:, :m], two_way.symmetric(coef[:, m:], layout), p)
    truth = TwoWayModel(*(np.array([getattr(one, name) for one in truths]) for name in ("intercept", "beta", "gamma")))
    plain = linear_policy(main, p, lam, layout)
    learned, best = (two_way.best_policy(model, p, lam, layout, rng=rng) for model in (models, truth))
    chosen = np.array(penalties, float)[choice]
    return SurveyGains(truth.value(plain), truth.value(learned), truth.value(best), chosen, short[0] - loss.min(0))
