"""Copies: the double loop, units, faiss, scikit-learn and scipy, coverage of the interval, the line of 90 per cent."""

import numpy as np
import pytest
from paperlab.methods.diffusion import copies


def draws(q=300, n=120, d=7, seed=0):
    draw = np.random.default_rng(seed)
    return draw.standard_normal((q, d)), draw.standard_normal((n, d))


def loop(queries, images):
    far = np.linalg.norm(queries[:, None] - images, axis=2)
    order = np.argsort(far, axis=1)[:, :2]
    return order, np.take_along_axis(far, order, 1)


def test_equals_the_double_loop_over_several_chunks(monkeypatch):
    monkeypatch.setattr(copies, "CHUNK", 64)
    queries, images = draws()
    found = copies.two_nearest(queries, images)
    index, far = loop(queries, images)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, far, atol=1e-12)


def test_units_and_place_do_not_matter_and_near_copies_are_exact():
    _, images = draws()
    queries = images[:50] + 1e-9
    for unit, shift in ((1e-6, 0.0), (1.0, 1e4), (1e6, 0.0)):
        found = copies.two_nearest(unit * queries + shift, unit * images + shift)
        assert (found.index[:, 0] == np.arange(50)).all()
        assert found.share() == 1
    np.testing.assert_allclose(copies.two_nearest(queries, images).distance[:, 0], 1e-9 * np.sqrt(7), rtol=1e-5)


def test_leading_axes_are_kept():
    queries, images = draws()
    found = copies.two_nearest(queries.reshape(3, 100, 7), images)
    assert found.index.shape == (3, 100, 2)
    assert found.share().shape == (3,)
    assert found.share().mean() == pytest.approx(copies.two_nearest(queries, images).share())


def test_equals_peers():
    queries, images = draws(q=200, n=400, d=16)
    found = copies.two_nearest(queries, images)
    from scipy.spatial import cKDTree
    from sklearn.neighbors import NearestNeighbors

    far, index = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(images).kneighbors(queries)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, far, atol=1e-10)
    far, index = cKDTree(images).query(queries, k=2)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, far, atol=1e-10)


def test_equals_faiss():
    faiss = pytest.importorskip("faiss")
    queries, images = draws(q=200, n=400, d=16)
    found = copies.two_nearest(queries, images)
    peer = faiss.IndexFlatL2(16)
    peer.add(images.astype(np.float32))
    far, index = peer.search(queries.astype(np.float32), 2)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, np.sqrt(far), atol=1e-4)


def test_a_twin_hides_a_copy_and_distinct_removes_it():
    images = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    sample = [[1e-3, 0.0]]
    assert copies.two_nearest(sample, images).share() == 0
    assert copies.two_nearest(sample, images[copies.distinct(images)]).share() == 1


def test_share_rises_with_the_ratio():
    found = copies.two_nearest(*draws())
    shares = [found.share(ratio) for ratio in (0.1, 1 / 3, 0.9, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.99


def test_interval_is_wilson_and_covers():
    from scipy.stats import binomtest

    for k, n in ((0, 50), (7, 50), (300, 300)):
        peer = binomtest(k, n).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose(copies.share_interval(k / n, n, z=1.959964), [peer.low, peer.high], atol=1e-6)
    low, high = copies.share_interval(np.random.default_rng(1).binomial(200, 0.1, 4000) / 200, 200)
    assert np.mean((low <= 0.1) & (high >= 0.1)) == pytest.approx(0.95, abs=0.02)


def test_line_is_crossed_in_the_middle_on_a_log_axis():
    found = copies.effective_memorization([16, 64], [1.0, 0.8])
    assert (found.n, found.bound) == (pytest.approx(32), "inside")
    doubled = copies.effective_memorization([32, 128], [1.0, 0.8])
    assert doubled.n == pytest.approx(2 * found.n)


def test_line_that_is_not_crossed_is_a_bound():
    assert copies.effective_memorization([16, 64], [0.8, 0.1]).bound == "below"
    assert copies.effective_memorization([16, 64], [1.0, 0.95]).bound == "above"


def test_last_crossing_counts():
    assert copies.effective_memorization([8, 16, 32, 64], [0.2, 0.95, 0.9, 0.0]).n == pytest.approx(32)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: copies.two_nearest([[0.0]], [[1.0]]), "no second neighbour"),
        (lambda: copies.two_nearest([[0.0]], [[1.0, 2.0], [0.0, 1.0]]), "queries"),
        (lambda: copies.two_nearest([[np.inf]], [[1.0], [2.0]]), "queries is inf in row 0"),
        (lambda: copies.two_nearest([[0.0]], [[1.0], [2.0]]).share(0.0), "ratio"),
        (lambda: copies.share_interval(1.2, 10), "share"),
        (lambda: copies.share_interval(0.2, 0), "n must"),
        (lambda: copies.effective_memorization([4, 2], [1.0, 0.0]), "rise"),
        (lambda: copies.effective_memorization([4], [1.0, 0.0]), "one length"),
    ],
)
def test_bad_values_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
