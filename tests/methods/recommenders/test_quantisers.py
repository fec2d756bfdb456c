"""Quantisers: planted trees are read off, every letter of finite scalar quantisation is used, peers agree."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.quantisers import (
    fsq_bound,
    fsq_letters,
    fsq_values,
    nearest,
    residual_kmeans,
    sparse_coding,
)
from sklearn.metrics import adjusted_rand_score

RNG = np.random.default_rng


def tree(n=600, *, seed=0, noise=0.01):
    """Points around 5 far centres, each with 3 near ones of the same pattern: two levels tell them apart."""
    rng = RNG(seed)
    top, low = rng.integers(5, size=n), rng.integers(3, size=n)
    centres, steps = 10 * rng.normal(size=(5, 8)), rng.normal(size=(3, 8))
    return centres[top] + steps[low] + noise * rng.normal(size=(n, 8)), top, low


def test_two_levels_of_k_means_read_a_tree_of_two_levels():
    vectors, top, low = tree()
    found = residual_kmeans(vectors, size=5, n_levels=2, rng=RNG(1))
    codes = found.encode(vectors)
    assert adjusted_rand_score(top, codes[:, 0]) > 0.95
    assert adjusted_rand_score(top * 3 + low, codes[:, 0] * 5 + codes[:, 1]) > 0.9
    left = ((vectors - found.decode(codes)) ** 2).sum(1).mean()
    assert left < 0.05 * ((vectors - found.decode(codes * [1, 0])) ** 2).sum(1).mean() + 0.05


def test_every_level_leaves_less_over():
    vectors = RNG(0).normal(size=(400, 6))
    found = residual_kmeans(vectors, size=8, n_levels=4, rng=RNG(1))
    codes, left = found.encode(vectors), [np.mean(vectors**2)]
    for level in range(1, 5):
        part = sum(found.centres[each][codes[:, each]] for each in range(level))
        left.append(np.mean((vectors - part) ** 2))
    assert (np.diff(left) < 0).all()


def test_items_that_come_later_get_codes_and_those_before_keep_theirs():
    vectors, *_ = tree()
    found = residual_kmeans(vectors[:500], size=5, n_levels=2, rng=RNG(1))
    assert (found.encode(vectors)[:500] == found.encode(vectors[:500])).all()


def test_faiss_leaves_no_less_over():
    faiss = pytest.importorskip("faiss")
    vectors = RNG(0).normal(size=(2000, 8)).astype(np.float32)
    peer = faiss.ResidualQuantizer(8, 3, 4)
    peer.max_beam_size = 1  # greedy, as ours
    peer.train(vectors)
    theirs = np.mean((vectors - peer.decode(peer.compute_codes(vectors))) ** 2)
    found = residual_kmeans(vectors, size=16, n_levels=3, rng=RNG(0))
    assert np.mean((vectors - found.decode(found.encode(vectors))) ** 2) < 1.05 * theirs


def test_fewer_points_than_centres_are_no_warning():
    vectors = np.repeat(np.eye(3), 20, axis=0)
    codes = residual_kmeans(vectors, size=5, n_levels=2, rng=RNG(0)).encode(vectors)
    assert len(np.unique(codes[:, 0])) == 3


def test_the_nearest_centre_is_that_of_all_distances():
    vectors, centres = RNG(0).normal(size=(50, 4)), RNG(1).normal(size=(7, 4))
    assert (nearest(vectors, centres) == ((vectors[:, None] - centres) ** 2).sum(2).argmin(1)).all()


@pytest.mark.parametrize("levels", [(5, 5), (3, 4), (8, 6, 5), (4,)])
def test_every_letter_is_used_on_uniform_input_and_none_much_less(levels):
    """Outer cells are half as wide as inner ones, in each direction."""
    x = np.arctanh(RNG(0).uniform(-0.9999, 0.9999, (20_000, len(levels))))
    counts = np.bincount(fsq_letters(x, levels), minlength=np.prod(levels))
    assert len(counts) == np.prod(levels) and (counts > 0).all()
    share = counts / counts.sum()
    assert np.exp(-(share * np.log(share)).sum()) > 0.8 * np.prod(levels)


def test_all_letters_of_the_paper_are_within_reach():
    x = np.arctanh(np.linspace(-0.9999, 0.9999, 13))
    grid = np.stack(np.meshgrid(*[x] * 5, indexing="ij"), -1)
    assert len(np.unique(fsq_letters(grid, (8, 8, 8, 6, 5)))) == 15_360


def test_letters_and_values_are_two_ways_to_say_the_same():
    levels = (8, 5, 4)
    letters = np.arange(160)
    values = fsq_values(letters, levels)
    assert len(np.unique(values, axis=0)) == 160
    assert np.abs(values).max() == 1 and (np.abs(values).sum(1) == 0).sum() == 1  # zero is a code
    whole = np.round(values * (np.array(levels) // 2)) + np.array(levels) // 2
    assert (whole @ [1, 8, 40] == letters).all()


def test_bounds_agree_for_arrays_and_tensors_and_have_their_limits():
    x = RNG(0).normal(size=(20, 2))
    assert fsq_bound(torch.from_numpy(x), (8, 5)).numpy() == pytest.approx(fsq_bound(x, (8, 5)))
    assert fsq_bound(np.array([[-99.0, -99], [99, 99]]), (8, 5)) == pytest.approx(
        np.array([[-3.9965, -1.998], [2.9965, 1.998]])
    )


@pytest.mark.parametrize("levels", [(5, 5, 5), (8, 6, 5)])
def test_letters_agree_with_a_peer_away_from_borders(levels):
    """The peer has an inverse hyperbolic tangent in the place of the tangent, which moves borders a little."""
    module = pytest.importorskip("vector_quantize_pytorch")
    x = RNG(0).normal(size=(4000, len(levels)))
    peer = module.FSQ(list(levels))(torch.from_numpy(x.astype(np.float32))[None])[1][0].numpy()
    bounded = fsq_bound(x, levels)
    inside = (np.abs(bounded - np.floor(bounded) - 0.5) > 0.05).all(1)
    ours = fsq_letters(x, levels)
    assert 0.5 < inside.mean() < 1
    assert (ours == peer)[inside].mean() > 0.999


def test_sparse_codes_name_the_atoms_that_a_vector_is_made_of():
    """Vectors of two of eight orthogonal atoms, the first larger, one of them negative."""
    rng = RNG(0)
    atoms = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    first, second = rng.integers(8, size=300), rng.integers(7, size=300)
    second = np.where(second >= first, second + 1, second)
    vectors = 2 * atoms[first] - atoms[second]
    found = sparse_coding(vectors, n_atoms=8, n_letters=2, rng=rng, max_iter=10)
    codes = found.encode(vectors)
    assert codes.shape == (300, 2) and codes.max() < found.size == 16
    assert adjusted_rand_score(first, codes[:, 0]) > 0.9
    made = np.take_along_axis(found.coefficients(vectors), codes // 2, 1)
    assert (np.sign(made) == 1 - 2 * (codes % 2)).all()
    assert (np.abs(made[:, 0]) >= np.abs(made[:, 1])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: residual_kmeans([[1.0], [np.nan]], size=2, n_levels=1, rng=RNG(0)), "vectors is nan in row 1"),
        (lambda: residual_kmeans(np.eye(3), size=1, n_levels=1, rng=RNG(0)), "size must be at least 2, got 1"),
        (lambda: residual_kmeans(np.eye(3), size=4, n_levels=1, rng=RNG(0)), "size must not exceed the 3 items, got 4"),
        (lambda: residual_kmeans(np.eye(3), size=2, n_levels=0, rng=RNG(0)), "n_levels must be at least 1, got 0"),
        (lambda: residual_kmeans([1.0, 2], size=2, n_levels=1, rng=RNG(0)), "one row for each of 2 or more items"),
        (
            lambda: residual_kmeans(np.eye(3), size=2, n_levels=1, rng=RNG(0)).encode(np.eye(2)),
            "vectors must have length 3, got 2",
        ),
        (lambda: fsq_letters(np.zeros((1, 2)), (5, 1)), r"levels must be whole numbers from 3, got \[5, 1\]"),
        (lambda: fsq_letters(np.full((1, 1), np.nan), (5,)), "x is nan in row 0"),
        (lambda: sparse_coding(np.eye(4), n_atoms=1, n_letters=1, rng=RNG(0)), "n_atoms must be at least 2, got 1"),
        (
            lambda: sparse_coding(np.eye(4), n_atoms=4, n_letters=5, rng=RNG(0)),
            "n_letters must lie in 1 to n_atoms",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
