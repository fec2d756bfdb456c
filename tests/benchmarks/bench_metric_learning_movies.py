"""Page ``metric_learning_movies`` against torch, scikit-learn and lightfm: same numbers or quality first, then time.

One thread. Tickets of MovieLens 100k for films before 1997, descriptions of 50 numbers from titles, genres and facts.
"""

import time

import numpy as np
import pandas as pd
import pytest
from paperlab import datasets
from paperlab.methods.recommenders import item_content, new_films
from paperlab.methods.recommenders.film_metric import Course, fit_metric, metric_loss
from paperlab.methods.recommenders.interactions import Interactions

COURSE = Course(epochs=1, batch_size=128, learning_rate=1e-3)


pytestmark = pytest.mark.usefixtures("one_thread")


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def world():
    """The premiere, the tokens and the vectors of the page's default run."""
    tables = datasets.load("ml100k")
    films, ratings = tables["items"], tables["ratings"]
    larger = datasets.load("movielens_latest_small").drop_duplicates("movieId")
    row = item_content.link_by_title(films["title"], films["release_year"], larger["title"], larger["year"])
    number = pd.Series(np.where(row >= 0, larger["movieId"].to_numpy()[row] - 1, -1))
    entity = number.map(tables["links"].set_index("item")["entity"]).fillna("").to_numpy()
    tokens = item_content.film_tokens(films, tables["facts"], entity)
    table = Interactions.from_pairs(ratings["user"].to_numpy(), ratings["item"].to_numpy(), n_items=1682)
    recent, often = (films["release_year"] >= 1997).to_numpy(), table.counts >= 10
    first = ratings.groupby("item")["time"].min().reindex(range(1682)).to_numpy()
    last = ratings.groupby("user")["time"].max().to_numpy()
    kept = table.where(~(recent & ~often)[table.items])
    stage = new_films.hold_out(kept, np.flatnonzero(recent & often), first_seen=first, last_seen=last)
    return stage, tokens, item_content.describe(tokens, dim=50, rng=rng()).vectors


def torch_loss(torch, weight, customers, films, barred, margin):
    u, v = (torch.nn.functional.normalize(part @ weight, dim=1) for part in (customers, films))
    distance = 2 - 2 * u @ v.T
    return torch.relu(margin + distance.diagonal()[:, None] - distance)[~barred].mean()


def torch_epoch(stage, x, n_batches=150):
    """The same epoch with automatic differentiation; seconds, scaled from the first batches."""
    import torch

    train = stage.train
    table = train.matrix()
    seen, sums = torch.tensor(table.toarray() > 0), torch.tensor(np.asarray(table @ x))
    y, length = torch.tensor(x), torch.tensor(train.lengths)
    weight = torch.eye(x.shape[1], requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=COURSE.learning_rate)
    batches = np.array_split(rng(1).permutation(len(train.items)), round(len(train.items) / COURSE.batch_size))
    begin = time.perf_counter()
    for rows in batches[:n_batches]:
        user, film = torch.tensor(train.users[rows]), torch.tensor(train.items[rows])
        points = (sums[user] - y[film]) / (length[user] - 1)[:, None]
        optimiser.zero_grad()
        torch_loss(torch, weight, points, y[film], seen[user][:, film], COURSE.margin).backward()
        optimiser.step()
    return (time.perf_counter() - begin) * len(batches) / n_batches


EPOCH = "learnt distance, one epoch of 83,512 tickets in batches of 128 (gradients agree to 1e-6)"


@pytest.mark.benchmark(group=EPOCH)
def test_metric_here(benchmark, world):
    import torch

    benchmark.extra_info.update(role="ours", label="closed form, numba", agreement="gradients to 1e-6")
    stage, _, x = world
    draw = rng(2)
    customers, films = draw.normal(size=(2, 64, 50))
    weight, barred = np.eye(50) + 0.1 * draw.normal(size=(50, 50)), np.eye(64, dtype=bool)
    parameter = torch.tensor(weight, requires_grad=True)
    parts = torch.tensor(customers), torch.tensor(films), torch.tensor(barred)
    loss = torch_loss(torch, parameter, *parts, 0.3)
    loss.backward()
    value, gradients = metric_loss([weight], customers, films, None, barred, COURSE)
    assert value == pytest.approx(loss.item(), rel=1e-6)
    np.testing.assert_allclose(gradients[0], parameter.grad.numpy(), atol=1e-6)
    benchmark.pedantic(fit_metric, args=(stage.train, x, COURSE), kwargs={"rng": rng(1)}, rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group=EPOCH)
def test_metric_torch(benchmark, world):
    stage, _, x = world
    torch_epoch(stage, x, 5)
    seconds = benchmark.pedantic(torch_epoch, args=(stage, x), rounds=1)
    benchmark.extra_info.update(
        role="peer", label="torch, automatic differentiation and Adam", agreement="gradients to 1e-6", seconds=seconds
    )


AREAS = "AUC over the possible new films for each of 848 customers (agree to 1e-12)"


def loop(score, ticket, possible):
    from sklearn.metrics import roc_auc_score

    found = np.full(len(score), np.nan)
    for row in range(len(score)):
        kept = possible[row]
        if 0 < ticket[row, kept].sum() < kept.sum():
            found[row] = roc_auc_score(ticket[row, kept], score[row, kept])
    return found


@pytest.mark.benchmark(group=AREAS)
def test_areas_here(benchmark, world):
    stage = world[0]
    benchmark.extra_info.update(role="ours", label="ranks of all rows, impossible pairs taken out", agreement="1e-12")
    score = rng(3).normal(size=stage.ticket.shape)
    found = benchmark(new_films.auc_among, score, stage.ticket, stage.possible)
    np.testing.assert_allclose(found, loop(score, stage.ticket, stage.possible), atol=1e-12)


@pytest.mark.benchmark(group=AREAS)
def test_areas_scikit_learn(benchmark, world):
    stage = world[0]
    benchmark.extra_info.update(role="peer", label="scikit-learn, customer by customer", agreement="1e-12")
    benchmark.pedantic(loop, args=(rng(3).normal(size=stage.ticket.shape), stage.ticket, stage.possible), rounds=3)


WHOLE = "ranking new films from tickets and descriptions, training in all"


@pytest.mark.benchmark(group=WHOLE)
def test_new_films_here(benchmark, world):
    stage, _, x = world
    metric = benchmark.pedantic(fit_metric, args=(stage.train, x, COURSE), kwargs={"rng": rng(1)}, rounds=3)[-1]
    areas = stage.mean_areas(metric.closeness(new_films.customer_points(stage.train, x), x))
    assert areas[0] > 0.64
    label = "learnt distance, one epoch"
    benchmark.extra_info.update(
        role="ours", label=label, agreement="AUC by customer {:.3f}, by film {:.3f}".format(*areas)
    )


@pytest.mark.benchmark(group=WHOLE)
def test_new_films_lightfm(benchmark, world):
    lightfm = pytest.importorskip("lightfm")
    from sklearn.feature_extraction.text import TfidfVectorizer

    stage, tokens, _ = world
    features = TfidfVectorizer(analyzer=list, binary=True, min_df=3, dtype=np.float32).fit_transform(tokens)
    shown = stage.train.matrix().tocoo()

    def train():
        peer = lightfm.LightFM(no_components=32, loss="bpr", random_state=0)
        return peer.fit(shown, item_features=features, epochs=2, num_threads=1)

    peer = benchmark.pedantic(train, rounds=1)
    bias, vectors = features @ peer.item_biases, features @ peer.item_embeddings
    areas = stage.mean_areas(peer.user_embeddings @ vectors.T + bias)
    agreement = "AUC by customer {:.3f}, by film {:.3f}".format(*areas)
    label = "lightfm (lightfm-next), BPR with the words as features, two epochs"
    benchmark.extra_info.update(role="peer", label=label, agreement=agreement)
