"""Replications on streams of their own do not depend on who computes them, and stacks are joined in order."""

import numpy as np
import pytest
from paperlab.methods.foundations.monte_carlo import replicate, replicate_stacked


@pytest.fixture
def sample():
    def function(rng):  # nested, so that a worker gets it by value
        x = rng.standard_normal((20, 2))
        return {"mean": x.mean(0), "n": len(x)}

    return function


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"n_jobs": 2, "backend": "threading", "batch_size": 3}])
def test_the_numbers_do_not_depend_on_the_workers(sample, options):
    streams = np.random.SeedSequence(5).spawn(8)
    found = replicate(sample, streams, **options)
    expected = [np.random.default_rng(s).standard_normal((20, 2)).mean(0) for s in streams]
    assert np.array_equal(found["mean"], expected)
    assert found["n"].tolist() == [20] * 8


def test_a_replication_keeps_its_numbers_when_more_are_asked_for(sample):
    few, many = (replicate(sample, np.random.SeedSequence(5).spawn(n))["mean"] for n in (3, 9))
    assert np.array_equal(many[:3], few)
    assert len(np.unique(many[:, 0])) == 9


def test_generators_of_another_kind_are_used_as_they_are():
    streams = [np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(1).spawn(2)]
    again = [np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(1).spawn(2)]
    found = replicate(lambda rng: {"x": rng.random()}, streams)
    assert found["x"].tolist() == [rng.random() for rng in again]


def test_unequal_answers_and_no_streams_are_told(sample):
    with pytest.raises(ValueError, match="streams is empty: give one for each"):
        replicate(sample, [])
    shapes = iter([2, 2, 3])
    with pytest.raises(ValueError, match=r"replication 2 gives \{'x': \(3,\)\}, the first one \{'x': \(2,\)\}"):
        replicate(lambda rng: {"x": np.zeros(next(shapes))}, np.random.SeedSequence(0).spawn(3))


def test_stacks_cover_all_replications_in_order():
    sizes, rng = [], np.random.default_rng(0)

    def draw(size, rng):
        sizes.append(size)
        return {"x": rng.random(size), "two": rng.random((size, 2))}

    found = replicate_stacked(draw, 10, rng=rng, chunk=4)
    assert sizes == [4, 4, 2]
    again = np.random.default_rng(0)
    expected = [draw(size, again) for size in (4, 4, 2)]
    assert np.array_equal(found["x"], np.concatenate([part["x"] for part in expected]))
    assert found["two"].shape == (10, 2)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"n_replications": 0}, "n_replications must be at least 1, got 0"),
        ({"chunk": 0}, "chunk must be at least 1, got 0"),
        ({"function": lambda size, rng: {"x": np.zeros(size + 1)}}, r"x has shape \(4,\) for a stack of 3"),
    ],
)
def test_stacks_that_do_not_fit_are_told(change, words):
    arguments = {"function": lambda size, rng: {"x": np.zeros(size)}, "n_replications": 5, "chunk": 3, **change}
    with pytest.raises(ValueError, match=words):
        replicate_stacked(**arguments, rng=np.random.default_rng(0))
