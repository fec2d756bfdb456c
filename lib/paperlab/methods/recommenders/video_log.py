"""A made-up log of videos: what a video is about, how much of its fate that explains, who saw it and who clicked."""

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.embeddings import positive

BRANCHES = (16, 12, 8)  # children of every node of the tree of topics, level by level
SPREAD = (1.0, 0.6, 0.35)  # of the content, by level
SHARE = (0.4, 0.4, 0.2)  # of the variance of appeal and taste, by level
N_CONTENT, N_TASTE = 32, 4


@dataclass(frozen=True)
class VideoWorld:
    """Videos and what is true of them.

    Attributes
    ----------
    content : ndarray, shape (n_items, 32)
        What a machine sees of a video.
    topic : ndarray of int, shape (n_items, 3)
        Its place in a tree of topics, from coarse to fine.
    born : ndarray of int, shape (n_items,)
        Day of its upload.
    popularity : ndarray, shape (n_items,)
        Weight in the draw of impressions on that day.
    appeal : ndarray, shape (n_items,)
        How much everybody likes it.
    taste : ndarray, shape (n_items, 4)
        Whom it pleases.
    """

    content: np.ndarray = field(repr=False)
    topic: np.ndarray = field(repr=False)
    born: np.ndarray = field(repr=False)
    popularity: np.ndarray = field(repr=False)
    appeal: np.ndarray = field(repr=False)
    taste: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class ClickLog:
    """Impressions in time order.

    Attributes
    ----------
    user, item, day : ndarray of int, shape (n,)
    click : ndarray of bool, shape (n,)
    chance : ndarray, shape (n,)
        True probability of the click; NaN where nobody knows it.
    history : ndarray of int, shape (n, n_history)
        What the user clicked before, the last one first; -1 where there is less.
    """

    user: np.ndarray = field(repr=False)
    item: np.ndarray = field(repr=False)
    day: np.ndarray = field(repr=False)
    click: np.ndarray = field(repr=False)
    chance: np.ndarray = field(repr=False)
    history: np.ndarray = field(repr=False)

    def __len__(self):
        return len(self.user)

    def take(self, rows):
        """Some of the impressions, by number or by a mask."""
        return ClickLog(*(part[rows] for part in vars(self).values()))


def video_world(n_items, *, rho, noise=0.35, new_topics=0.2, n_new=120, days=(-40, 9), rng):
    """Draw videos about topics in a tree.

    Parameters
    ----------
    n_items : int
    rho : float
        Share of the variance of appeal and taste that the topic explains, in [0, 1].
    noise : float
        Standard deviation of the content around its topic; large enough, no two videos share a code.
    new_topics : float
        Share of the topics of the second level that begin within the last 20 days before day 0, in [0, 1).
    n_new : int
        Videos uploaded on the last day; the others come on the days before, as many on each.
    days : (int, int)
        First and last day of upload.
    rng : numpy.random.Generator

    Returns
    -------
    VideoWorld

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Page ``semantic_ids_ranking``. Content ``A_a + .6 B_ab + .35 C_abc + noise``, all standard normal; appeal
    ``sqrt(rho) q_topic + sqrt(1 - rho) xi`` and taste alike, of variance one, with shares .4, .4 and .2 of the three
    levels in ``q_topic``; popularity ``exp(1.2 N(0, 1))``. Values of topics are drawn for content, appeal and taste
    apart, so that content tells of taste only through the topic.
    """
    positive("n_items", n_items)
    if not 0 <= rho <= 1:
        raise ValueError(f"rho must lie in [0, 1], got {rho}; it is a share of variance")
    if not 0 <= new_topics < 1:
        raise ValueError(f"new_topics must lie in [0, 1), got {new_topics}; it is a share of the topics")
    if not noise >= 0:
        raise ValueError(f"noise must not be negative, got {noise}")
    if days[0] >= days[1]:
        raise ValueError(f"days must be the first and the last day, got {days}")
    if not 0 <= n_new < n_items:
        raise ValueError(f"n_new must lie in 0 to n_items - 1 = {n_items - 1}, got {n_new}")
    born = np.where(np.arange(n_items) < n_new, days[1], rng.integers(*days, n_items))
    start = np.where(rng.random(BRANCHES[:2]) < new_topics, rng.integers(-20, 1, BRANCHES[:2]), days[0])
    start[rng.integers(BRANCHES[0]), rng.integers(BRANCHES[1])] = days[0]  # one topic at least is there from the first
    topic = np.empty((n_items, 3), np.int64)
    missing = np.arange(n_items)
    while len(missing):
        topic[missing] = rng.integers(BRANCHES, size=(len(missing), 3))
        missing = missing[start[topic[missing, 0], topic[missing, 1]] > born[missing]]
    parts = [_of_topic(topic, width, rng) for width in (N_CONTENT, 1, N_TASTE)]
    content = sum(spread * part for spread, part in zip(SPREAD, parts[0], strict=True))
    content = content + noise * rng.standard_normal(content.shape)
    appeal, taste = (
        np.sqrt(rho) * sum(np.sqrt(share) * each for share, each in zip(SHARE, part, strict=True))
        + np.sqrt(1 - rho) * rng.standard_normal(part[0].shape)
        for part in parts[1:]
    )
    popularity = np.exp(1.2 * rng.standard_normal(n_items))
    return VideoWorld(content, topic, born, popularity, appeal[:, 0], taste)


def _of_topic(topic, width, rng):
    """Standard normal vectors of the node of every level that a video belongs to."""
    found, node = [], np.zeros(len(topic), np.int64)
    for level, branches in enumerate(BRANCHES):
        node = node * branches + topic[:, level]
        found.append(rng.standard_normal((np.prod(BRANCHES[: level + 1]), width))[node])
    return found


def video_log(world, *, n_users, per_day, match=2.0, n_history=5, decay=0.03, rng):
    """Draw impressions and clicks, day by day from day 0.

    Parameters
    ----------
    world : VideoWorld
    n_users : int
    per_day : sequence of int
        Impressions of day 0, 1, ...
    match : float
        Weight of the match of user and video.
    n_history : int
        Clicks that an impression remembers, at least 1.
    decay : float
        A video of age t days is drawn with weight ``popularity exp(-decay t)``.
    rng : numpy.random.Generator

    Returns
    -------
    ClickLog

    Raises
    ------
    ValueError
        If a number is not positive, or a day comes before all videos.

    Notes
    -----
    ``P(click) = 1 / (1 + exp(1.2 - appeal - match g'taste / 2))`` with g a standard normal vector of the user. Users,
    impressions and the luck of each are drawn before appeal and taste are looked at, so that two worlds which differ in
    these only have the same impressions.
    """
    for name, value in {"n_users": n_users, "per_day": min(per_day), "n_history": n_history}.items():
        positive(name, value)
    if world.born.min() > 0:
        raise ValueError(f"world must have a video on day 0, the first comes on day {world.born.min()}")
    day = np.repeat(np.arange(len(per_day)), per_day)
    user = rng.integers(n_users, size=len(day))
    likes = rng.standard_normal((n_users, world.taste.shape[1]))
    item = np.concatenate([_shown(world, today, n, decay, rng) for today, n in enumerate(per_day)])
    luck = rng.random(len(item))
    fit = np.einsum("nk,nk->n", likes[user], world.taste[item]) / np.sqrt(world.taste.shape[1])
    chance = 1 / (1 + np.exp(1.2 - world.appeal[item] - match * fit))
    click = luck < chance
    return ClickLog(user, item, day, click, chance, last_clicks(user, item, click, n_history))


def _shown(world, day, n, decay, rng):
    age = day - world.born
    weight = np.where(age >= 0, world.popularity * np.exp(-decay * np.maximum(age, 0)), 0)
    return rng.choice(len(weight), n, p=weight / weight.sum())


def last_clicks(user, item, click, n_history):
    """What each user clicked before each row, rows in time order.

    Parameters
    ----------
    user, item : array_like of int, shape (n,)
        Numbers from 0.
    click : array_like of bool, shape (n,)
    n_history : int

    Returns
    -------
    ndarray of int, shape (n, n_history)
        The last click first, -1 where there are fewer.

    Examples
    --------
    >>> last_clicks([0, 0, 1, 0], [5, 6, 5, 7], [True, True, True, False], 2)
    array([[-1, -1],
           [ 5, -1],
           [-1, -1],
           [ 6,  5]])
    """
    positive("n_history", n_history)
    user, item, click = np.asarray(user), np.asarray(item), np.asarray(click, bool)
    if not user.shape == item.shape == click.shape or user.ndim != 1:
        raise ValueError(f"user, item and click must have one length, got {user.shape}, {item.shape}, {click.shape}")
    if len(user) and finite("user", user).min() < 0:
        raise ValueError(f"user must be numbered from 0, got {user.min()}")
    out = np.full((len(user), n_history), -1, np.int64)
    if len(user):
        _remember(user, item, click, np.full((user.max() + 1, n_history), -1, np.int64), out)
    return out


@njit(cache=True)
def _remember(user, item, click, memory, out):
    for row in range(len(user)):
        mine = memory[user[row]]
        out[row] = mine
        if click[row]:
            for place in range(len(mine) - 1, 0, -1):
                mine[place] = mine[place - 1]
            mine[0] = item[row]


def rating_log(ratings, *, n_items, liked=4, held_out=0.2, test_share=0.2, n_parts=10, n_history=5, rng):
    """Ratings of films as impressions: a click is a high rating, some films are kept for the test.

    Parameters
    ----------
    ratings : DataFrame
        Columns user, item (numbered from 0), rating and time.
    n_items : int
    liked : float
        The lowest rating that counts as a click.
    held_out : float
        Share of the films whose ratings are left out of training and of all histories, in (0, 1).
    test_share : float
        Share of the ratings of every user, the latest, that is the test, in (0, 1).
    n_parts : int
        Training ratings are cut in time into parts 0 to n_parts - 2, the test is part n_parts - 1; at least 3.
    n_history : int
    rng : numpy.random.Generator
        Which films are held out; order of ratings of one second.

    Returns
    -------
    log : ClickLog
        ``day`` is the part.
    new : ndarray of bool, shape (n_items,)
        The films held out.

    Raises
    ------
    ValueError
        If a share is out of range or there are too few parts.
    """
    for name, value in {"held_out": held_out, "test_share": test_share}.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {value}; it is a share")
    if n_parts < 3:
        raise ValueError(f"n_parts must be at least 3, got {n_parts}: training, a look, the test")
    new = rng.permutation(n_items) < round(held_out * n_items)
    rows = ratings.iloc[rng.permutation(len(ratings))].sort_values("time", kind="stable")
    user, item = rows["user"].to_numpy(), rows["item"].to_numpy()
    click = rows["rating"].to_numpy() >= liked
    from_behind = rows.groupby("user").cumcount(ascending=False).to_numpy()
    test = from_behind < test_share * np.bincount(user)[user]
    history = last_clicks(user, item, click & ~new[item], n_history)
    part = np.full(len(rows), n_parts - 1)
    early = np.flatnonzero(~test & ~new[item])
    part[early] = np.arange(len(early)) * (n_parts - 1) // len(early)
    log = ClickLog(user, item, part, click, np.full(len(rows), np.nan), history)
    return log.take(test | ~new[item]), new
