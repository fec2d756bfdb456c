"""Studies of advertisements: trait scores from a questionnaire, made-up ratings with a known share of personality.

The study is that of the ADS data in size and form: every person rates every advertisement from 1 to 5 stars;
advertisements belong to categories of products and come in three formats. How much personality matters is the
designer's choice, so that a method can be asked whether it sees it.
"""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite

TRAITS = {"A": "agreeableness", "C": "conscientiousness", "E": "extraversion", "N": "neuroticism", "O": "openness"}
REVERSED = ("A1", "C4", "C5", "E1", "E2", "O2", "O5")  # items on which a high answer means little of the trait
FORMATS = ("rich media", "image", "text")
USER, AD, FORMAT, TASTE = (
    0.20,
    0.10,
    0.03,
    0.15,
)  # shares of the variance of liking; personality and noise have the rest
STARS = (0.35, 0.55, 0.75, 0.90)  # quantiles of liking at which a star is added
MOST = 1 - USER - AD - FORMAT - TASTE  # what is left for personality at most


def keyed(answers, *, highest=6):
    """Answers to items A1 to O5 with the reversed items turned round, shape (n, 5 traits, 5 items).

    Parameters
    ----------
    answers : DataFrame
        Columns A1 to A5, C1 to C5, E1 to E5, N1 to N5, O1 to O5, answers from 1 to ``highest``, none missing.

    Raises
    ------
    ValueError
        If a column is missing, or an answer is missing or out of range; names column and row.
    """
    names = [[f"{trait}{j}" for j in range(1, 6)] for trait in TRAITS]
    columns = []
    for name in np.ravel(names):
        if name not in answers:
            raise ValueError(
                f"answers has no column {name}; items are named A1 to A5, C1 to C5, E1, N1 and O1 likewise"
            )
        values = finite(f"answers, item {name},", answers[name])
        if len(values) and not (values.min() >= 1 and values.max() <= highest):
            raise ValueError(
                f"answers to {name} must lie from 1 to {highest}, got {values.min():g} to {values.max():g}"
            )
        columns.append(highest + 1 - values if name in REVERSED else values)
    return np.stack(columns, axis=1).reshape(-1, len(TRAITS), 5)


def trait_scores(items, n_items=5):
    """Mean of the first ``n_items`` items of each trait, over people to mean 0 and variance 1, shape (n, 5).

    Parameters
    ----------
    items : ndarray, shape (n, 5, 5)
        As `keyed` gives them.
    n_items : int
        2 is the length of the shortest questionnaires in use.

    Raises
    ------
    ValueError
        If ``n_items`` is not 1 to 5, or a trait does not vary.
    """
    if not 1 <= n_items <= items.shape[2]:
        raise ValueError(f"n_items must be 1 to {items.shape[2]}, got {n_items}")
    return _standard(items[:, :, :n_items].mean(axis=2))


def _standard(x):
    spread = x.std(axis=0)
    if (spread == 0).any():
        raise ValueError(f"column {int(np.argmin(spread))} is the same for all {len(x)} people; it tells nothing")
    return (x - x.mean(axis=0)) / spread


def cronbach_alpha(items):
    """Reliability of the sum of k items, ``k / (k - 1) (1 - sum of variances / variance of the sum)``.

    Parameters
    ----------
    items : array_like, shape (n, k)
        Items that point in one direction; two or more.

    Raises
    ------
    ValueError
        With one item, a missing value, or a sum that does not vary.

    Examples
    --------
    >>> cronbach_alpha([[1, 1], [2, 2], [3, 3]])
    1.0
    """
    items = finite("items", items)
    if items.ndim != 2 or items.shape[1] < 2:
        raise ValueError(f"items must be (n, k) with two items or more, got shape {items.shape}")
    k, total = items.shape[1], items.sum(axis=1).var()
    if total == 0:
        raise ValueError("items: the sum is the same for everybody; it has no reliability")
    return float(k / (k - 1) * (1 - items.var(axis=0).sum() / total))


def explained_share(short, full):
    """Share of the variance of ``full`` scores that a linear prediction from ``short`` ones explains, mean of traits.

    Where taste depends on the full scores, this is the part of personality's effect that is left to a shorter
    questionnaire.

    Parameters
    ----------
    short, full : ndarray, shape (n, k)
        Standardised scores.
    """
    coef = np.linalg.lstsq(short, full, rcond=None)[0]
    return float(1 - ((full - short @ coef) ** 2).sum() / (full**2).sum())


@dataclass(frozen=True)
class Design:
    """What a study looks like and how much personality matters in it.

    Attributes
    ----------
    n_users : int
    share : float
        Share of the variance of liking that is personality's, from 0 to 0.52.
    form : {"linear", "product"}
        Each category weighs all five traits; or it depends on tanh of the product of two of them.
    n_categories, per_format : int
        Categories of products, and advertisements of each of three formats in a category.
    """

    n_users: int = 120
    share: float = 0.02
    form: str = "linear"
    n_categories: int = 20
    per_format: int = 5

    def __post_init__(self):
        if not 0 <= self.share <= MOST + 1e-12:
            raise ValueError(f"share must be between 0 and {MOST:.2f}, got {self.share}; the other parts have the rest")
        if self.form not in ("linear", "product"):
            raise ValueError(f"form must be linear or product, got {self.form!r}")
        for name, least in (("n_users", 2), ("n_categories", 1), ("per_format", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")

    @property
    def category(self):
        """Category of every advertisement, shape (n_ads,)."""
        return np.repeat(np.arange(self.n_categories), len(FORMATS) * self.per_format)

    @property
    def format(self):
        """Format of every advertisement, a number into `FORMATS`, shape (n_ads,)."""
        return np.tile(np.repeat(np.arange(len(FORMATS)), self.per_format), self.n_categories)

    @property
    def memberships(self):
        """Which advertisement belongs to which category, 0 or 1, shape (n_ads, n_categories)."""
        return np.eye(self.n_categories)[self.category]


@dataclass(frozen=True)
class Study:
    """One made-up study.

    Attributes
    ----------
    ratings : ndarray, shape (n_users, n_ads)
        Stars, 1 to 5.
    people : ndarray of int, shape (n_users,)
        Which respondents took part: rows of the table of traits.
    effect : ndarray, shape (n_users, n_categories)
        What personality adds to the liking of each category, in standard deviations of liking.
    """

    ratings: np.ndarray
    people: np.ndarray
    effect: np.ndarray


def draw(traits, design, *, rng):
    """Draw people without replacement, and what they think of the advertisements.

    Parameters
    ----------
    traits : ndarray, shape (n_respondents, k)
        Standardised scores of everybody who could be asked.
    design : Design
    rng : numpy.random.Generator

    Returns
    -------
    Study

    Raises
    ------
    ValueError
        If there are fewer respondents than users, or a trait score is not finite.

    Notes
    -----
    Page ``personality_ads``, eq. (1): liking is the sum of a user's, an advertisement's and its format's effect, of a
    taste of the user for the category that has nothing to do with personality, of personality's effect, and of noise;
    the star is the number of quantiles `STARS` that it reaches, plus one.
    """
    traits = finite("traits", traits)
    if traits.ndim != 2 or design.n_users > len(traits):
        raise ValueError(f"n_users must be at most the {len(traits)} respondents, got {design.n_users}")
    n, c = design.n_users, design.category
    people = rng.choice(len(traits), size=n, replace=False)
    effect = np.sqrt(design.share) * _personality(traits, people, design, rng)
    taste = np.sqrt(TASTE) * rng.standard_normal((n, design.n_categories)) + effect
    of_format = np.sqrt(FORMAT * 1.5) * np.array([1.0, 0.0, -1.0])[design.format]
    of_ad = np.sqrt(AD) * rng.standard_normal(len(c)) + of_format
    of_user = np.sqrt(USER) * rng.standard_normal((n, 1))
    noise = np.sqrt(max(MOST - design.share, 0)) * rng.standard_normal((n, len(c)))
    liking = of_user + of_ad + taste[:, c] + noise
    above = sum((liking >= cut).astype(np.int8) for cut in np.quantile(liking, STARS))
    return Study(1.0 + above, people, effect)


def _personality(traits, people, design, rng):
    """Effect of personality with variance one over respondents, shape (n_users, n_categories)."""
    k = traits.shape[1]
    if design.form == "linear":
        weights = rng.standard_normal((k, design.n_categories)) / np.sqrt(k)
        return traits[people] @ weights
    pairs = np.stack([rng.choice(k, size=2, replace=False) for _ in range(design.n_categories)])
    product = _standard(np.tanh(traits[:, pairs[:, 0]] * traits[:, pairs[:, 1]]))
    return product[people] * rng.choice([-1.0, 1.0], size=design.n_categories)
