"""Many made-up studies of one design: how often traits predict better than item means and than a placebo."""

import numpy as np
import pandas as pd

from paperlab.methods.foundations.monte_carlo import replicate
from paperlab.methods.recommenders import ad_study, new_users, trait_links, warm_users

LEVEL = 0.05  # of the tests of single links


def repeat(traits, design, streams, *, ridge, short=None, click_from=None, n_permutations=0):
    """Draw a study for each stream, and predict its new users from item means, from traits and from permuted traits.

    Parameters
    ----------
    traits : ndarray, shape (n_respondents, k)
        Scores on which liking depends, and which the method sees.
    design : ad_study.Design
    streams : sequence of numpy.random.SeedSequence
    ridge : float
    short : ndarray, shape (n_respondents, k), optional
        Scores from a shorter questionnaire, which the method sees as well.
    click_from : float, optional
        Stars that make a click; without it no areas under the curve are computed.
    n_permutations : int
        Placebos of a permutation test of the RMSE in every study; none by default.

    Returns
    -------
    DataFrame
        One row per study. Root mean squared errors [stars]: ``rmse_items``, ``rmse_traits``, ``rmse_placebo``; those of
        the corrections that say no more than which categories a person prefers, ``rmse_relative_traits`` and
        ``rmse_relative_placebo``; with ``short``, ``rmse_short`` and ``rmse_short_placebo``. With ``click_from``,
        ``auc_items``, ``auc_traits``, ``auc_placebo``. With ``n_permutations``, p-values ``p`` and ``p_relative``.
        Numbers of links of trait and category with p below 0.05: ``links``, after Holm ``links_holm``, after Benjamini
        and Hochberg ``links_bh``.
    """

    def once(rng):
        study = ad_study.draw(traits, design, rng=rng)
        fit = new_users.new_users(study.ratings, design.memberships, rng=rng)
        dealt = rng.permutation(design.n_users)
        seen = traits[study.people]
        tables = {"traits": seen, "placebo": seen[dealt]}
        if short is not None:
            brief = short[study.people]
            tables |= {"short": brief, "short_placebo": brief[dealt]}
        corrections = dict(zip(tables, fit.correction(np.stack([*tables.values()]), ridge)))
        found = {f"rmse_{name}": fit.rmse(correction) for name, correction in corrections.items()}
        found["rmse_items"] = fit.rmse()
        for name in ("traits", "placebo"):
            found[f"rmse_relative_{name}"] = fit.rmse(fit.relative(corrections[name]))
        if click_from is not None:
            parts = {"items": None, "traits": corrections["traits"], "placebo": corrections["placebo"]}
            found |= {f"auc_{name}": fit.auc(click_from, correction) for name, correction in parts.items()}
        if n_permutations:
            orders = rng.permuted(np.tile(np.arange(design.n_users), (n_permutations, 1)), axis=1)
            placebos = fit.correction(seen[orders], ridge)
            for name, kind, these in (("p", "", placebos), ("p_relative", "relative_", fit.relative(placebos))):
                as_good = fit.rmse(these) <= found[f"rmse_{kind}traits"]
                found[name] = (1 + as_good.sum()) / (1 + n_permutations)
        tests = trait_links.correlations(seen, study.ratings @ design.memberships)
        counts = {"links": tests.p, "links_holm": tests.holm, "links_bh": tests.bh}
        return found | {name: int((p < LEVEL).sum()) for name, p in counts.items()}

    return pd.DataFrame(replicate(once, streams))


def wins(studies, kind=""):
    """Share of studies in which traits have a lower RMSE than item means and than permuted traits.

    ``kind="relative_"`` takes the predictions that only say which categories a person prefers.

    Examples
    --------
    >>> table = {"rmse_items": [1.3, 1.3], "rmse_traits": [1.2, 1.25], "rmse_placebo": [1.31, 1.24]}
    >>> wins(pd.DataFrame(table))
    0.5
    """
    rivals = studies[["rmse_items", f"rmse_{kind}placebo"]].min(axis=1)
    return float((studies[f"rmse_{kind}traits"] < rivals).mean())


def repeat_known(traits, design, streams, counts, *, ridge, n_factors=0):
    """Draw a study for each stream, and predict users of whom some ratings are known.

    Parameters
    ----------
    traits, design, streams, ridge
        As in `repeat`.
    counts, n_factors
        As in `warm_users.known_ratings`.

    Returns
    -------
    dict of str to ndarray, shape (n_studies, n_counts)
        ``without``, ``traits``, ``placebo``: root mean squared errors [stars].
    """

    def once(rng):
        study = ad_study.draw(traits, design, rng=rng)
        fit = new_users.new_users(study.ratings, design.memberships, rng=rng)
        seen = traits[study.people]
        found = warm_users.known_ratings(fit, seen, counts, ridge=ridge, rng=rng, n_factors=n_factors)
        return {name: np.asarray(getattr(found, name)) for name in ("without", "traits", "placebo")}

    return replicate(once, streams)
