"""The learnt metric: gradients against torch, what it can and cannot see, traps."""

import numpy as np
import pytest
from paperlab.methods.recommenders.film_metric import Course, FilmMetric, fit_metric, metric_loss, start
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.new_films import customer_points, hold_out


def rng(seed=0):
    return np.random.default_rng(seed)


def torch_loss(torch, layers, customers, films, others, barred, course):
    def place(x):
        for number, layer in enumerate(layers):
            x = x @ layer
            x = torch.relu(x) if number < len(layers) - 1 else x
        return torch.nn.functional.normalize(x, dim=1)

    u, v = place(customers), place(films)
    w = v if others is None else place(others)
    own = (u - v).square().sum(1)[:, None]
    other = torch.cdist(u, w).square()
    if course.negatives == "hard":
        nearest = other.detach().masked_fill(barred, torch.inf).argmin(1)
        barred = torch.ones_like(barred).scatter(1, nearest[:, None], False)
    gap = (own - other) / 2  # of cosines
    if course.loss == "hinge":
        return torch.relu(course.margin + own - other)[~barred].mean()
    if course.loss == "logistic":
        return torch.nn.functional.softplus(gap[~barred] / course.temperature).mean()
    scores = torch.cat([torch.zeros_like(own), (gap / course.temperature).masked_fill(barred, -torch.inf)], 1)
    return torch.logsumexp(scores, 1).mean()


@pytest.mark.parametrize("tower", ["linear", "mlp"])
@pytest.mark.parametrize("negatives", ["in_batch", "uniform", "hard"])
@pytest.mark.parametrize("loss", ["hinge", "softmax", "logistic"])
def test_gradient_is_that_of_automatic_differentiation(loss, negatives, tower):
    torch = pytest.importorskip("torch")
    draw, course = rng(3), Course(loss=loss, negatives=negatives, tower=tower, margin=0.8)
    layers = [np.asarray(layer, float) for layer in start(6, tower, rng=draw)]
    layers[0] = layers[0] + 0.1 * draw.normal(size=layers[0].shape)
    customers, films = draw.normal(size=(2, 9, 6))
    others = None if negatives == "in_batch" else draw.normal(size=(7, 6))
    barred = draw.random((9, 9 if others is None else 7)) < 0.2
    if others is None:
        barred |= np.eye(9, dtype=bool)
    parameters = [torch.tensor(layer, requires_grad=True) for layer in layers]
    inputs = [None if part is None else torch.tensor(part) for part in (customers, films, others)]
    exact = torch_loss(torch, parameters, *inputs, torch.tensor(barred.copy()), course)
    exact.backward()
    value, gradients = metric_loss(layers, customers, films, others, barred, course)
    assert value == pytest.approx(exact.item(), rel=1e-6)
    for gradient, parameter in zip(gradients, parameters, strict=True):
        assert np.allclose(gradient, parameter.grad.numpy(), atol=1e-6)


def world(n_users=200, n_films=80, dim=8, hidden=2, seed=0):
    """Customers who care about the first two directions of a description only."""
    draw = rng(seed)
    x = draw.normal(size=(n_films, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    taste = draw.normal(size=(n_users, hidden))
    score = taste @ x[:, :hidden].T + 0.3 * draw.gumbel(size=(n_users, n_films))
    user, film = np.nonzero(score >= np.sort(score, axis=1)[:, [-16]])
    return Interactions.from_pairs(user, film, n_users=n_users, n_items=n_films), x


def area(stage, x, metric):
    return np.nanmean(stage.by_customer(metric.closeness(customer_points(stage.train, x), x)))


def test_the_directions_that_matter_are_stretched_and_new_films_ranked_better():
    tickets, x = world()
    stage = hold_out(tickets, np.arange(60, 80), min_history=2)
    course = fit_metric(stage.train, x, Course(epochs=20, learning_rate=0.01), rng=rng(1))
    stretch = np.linalg.norm(course[-1].layers[0], axis=1)
    assert stretch[:2].min() > 1.2 * stretch[2:].max()
    assert area(stage, x, course[-1]) > area(stage, x, course[0]) + 0.03


def test_the_start_of_one_layer_is_the_cosine():
    tickets, x = world()
    metric, points = FilmMetric((np.eye(8, dtype=np.float32),)), customer_points(tickets, x)
    cosine = points @ x.T / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.allclose(metric.closeness(points, x), 2 * cosine - 2, atol=1e-5)


def test_tickets_for_new_films_move_no_number_of_the_fit():
    tickets, x = world()
    new = np.arange(60, 80)
    exchanged = tickets.items.copy()
    late = exchanged >= 60
    exchanged[late] = 60 + rng(9).permutation(20)[exchanged[late] - 60]  # whose ticket is for which new film
    other = Interactions(tickets.indptr, exchanged, 80)
    fits = [
        fit_metric(hold_out(table, new, min_history=2).train, x, Course(epochs=2), rng=rng(1))[-1]
        for table in (tickets, other)
    ]
    assert np.array_equal(fits[0].layers[0], fits[1].layers[0]) and fits[0].loss == fits[1].loss


def test_with_exchanged_descriptions_new_films_are_ranked_by_chance():
    tickets, x = world()
    stage, areas = hold_out(tickets, np.arange(60, 80), min_history=2), []
    for seed in range(6):
        mixed = x[rng(seed).permutation(80)]
        areas.append(area(stage, mixed, fit_metric(stage.train, mixed, Course(epochs=3), rng=rng(seed))[-1]))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.05)


def test_the_target_leaves_its_customers_point():
    # each customer has two films of her own: with the target in the mean, it would be the nearest film of the batch
    n = 40
    tickets = Interactions.from_pairs(np.repeat(np.arange(n), 2), np.arange(2 * n))
    x = np.eye(2 * n)
    found = fit_metric(tickets, x, Course(epochs=1, margin=0.3, learning_rate=1e-9), rng=rng())
    assert found[-1].loss == pytest.approx(0.3, abs=1e-4)  # orthogonal to own and to others: the margin


def test_the_scale_of_a_description_does_not_count():
    tickets, x = world()
    for tower in ("linear", "mlp"):
        metric = fit_metric(tickets, x, Course(tower=tower, epochs=1), rng=rng(2))[-1]
        points = customer_points(tickets, x)
        assert np.allclose(metric.closeness(points, x), metric.closeness(9 * points, 0.2 * x), atol=1e-5)


def test_the_same_seed_gives_the_same_fit():
    tickets, x = world()
    one, two, other = (fit_metric(tickets, x, Course(epochs=1), rng=rng(seed))[-1] for seed in (4, 4, 5))
    assert np.array_equal(one.layers[0], two.layers[0]) and not np.array_equal(one.layers[0], other.layers[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "triplet"}, "loss must be one of hinge, softmax, logistic, got 'triplet'"),
        ({"negatives": "all"}, "negatives must be one of in_batch, uniform, hard"),
        ({"tower": "deep"}, "tower must be one of linear, mlp"),
        ({"margin": 0.0}, "margin must be positive, got 0.0"),
        ({"temperature": 0.001}, "temperature must be at least 0.03, got 0.001"),
        ({"batch_size": 1}, "batch_size must be at least 2 and epochs 0, got 1 and 5"),
    ],
)
def test_a_wrong_course_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Course(**options)


def test_wrong_tables_are_refused():
    tickets, x = world()
    with pytest.raises(ValueError, match=r"x must have one row for each of 80 films, got shape \(79, 8\)"):
        fit_metric(tickets, x[1:], rng=rng())
    single = Interactions.from_pairs([0, 1], [0, 1])
    with pytest.raises(ValueError, match="train must have a customer with two tickets"):
        fit_metric(single, np.eye(2), rng=rng())
    with pytest.raises(ValueError, match="x is nan in row 3"):
        fit_metric(tickets, np.where(np.arange(80)[:, None] == 3, np.nan, x), rng=rng())


def test_lightfm_with_features_sees_the_same_signal():
    lightfm = pytest.importorskip("lightfm")
    from scipy import sparse

    tickets, x = world(n_users=300, n_films=120)
    stage = hold_out(tickets, np.arange(90, 120), min_history=2)
    peer = lightfm.LightFM(no_components=8, loss="bpr", random_state=0, learning_rate=0.05)
    features = sparse.csr_matrix(np.maximum(np.c_[x, -x], 0).astype(np.float32))
    peer.fit(stage.train.matrix().tocoo(), item_features=features, epochs=20, num_threads=1)
    users, vectors = peer.get_user_representations()[1], features @ peer.item_embeddings
    theirs = np.nanmean(stage.by_customer(users @ vectors.T))
    ours = area(stage, x, fit_metric(stage.train, x, Course(epochs=20, learning_rate=0.01), rng=rng(1))[-1])
    assert theirs > 0.6 and ours > theirs - 0.02
