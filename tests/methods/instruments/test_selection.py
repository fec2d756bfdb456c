"""The choice that asks tuples of learners to agree, by hand and on simulated samples."""

import numpy as np
import pytest
from paperlab.methods.instruments import comparisons, crossfit, selection, simulate
from paperlab.methods.instruments.simulate import Design


def test_pseudo_risk_by_hand():
    estimates = np.array([[1.0, 1.1], [1.0, 3.0]])[..., None]  # slot 1 x slot 2, one split
    found = selection.select_minimax(estimates)
    assert found.risk == pytest.approx(np.array([[0.01, 1.9**2], [4.0, 4.0]]))
    assert found.index == (0, 0)


def test_pseudo_risk_averages_squares_over_splits():
    estimates = np.array([[1.0, 2.0], [4.0, 2.0]])  # one slot, two splits
    assert selection.pseudo_risk(estimates) == pytest.approx([4.5, 4.5])


def test_a_tuple_without_an_estimate_is_never_chosen():
    estimates = np.array([[1.0, np.nan], [2.0, 2.1]])[..., None]
    found = selection.select_minimax(estimates)
    assert found.risk[0, 1] == np.inf and found.index != (0, 1)
    with pytest.raises(ValueError, match="no tuple with an estimate"):
        selection.select_minimax(np.full((2, 2, 1), np.nan))


def test_one_tuple_has_no_risk_and_is_chosen():
    found = selection.select_minimax(np.array([[[1.3]]]))
    assert found.index == (0, 0) and found.risk == 0


def test_the_choice_does_not_depend_on_the_order_of_the_learners():
    estimates = np.random.default_rng(13).normal(size=(3, 4, 2))
    base = selection.select_minimax(estimates)
    turned = selection.select_minimax(estimates[::-1])
    assert turned.index == (2 - base.index[0], base.index[1])


# On simulated samples


@pytest.fixture(scope="module")
def found():
    streams = np.random.SeedSequence(1).spawn(4)
    return selection.monte_carlo(2000, streams, ("lin", "quad", "lasso"), Design(shape="wavy"))


def test_each_replication_is_that_of_its_stream(found):
    rng = np.random.default_rng(np.random.SeedSequence(1).spawn(4)[2])
    sample = simulate.draw(2000, Design(shape="wavy"), rng=rng)
    alone = crossfit.debiased_tuples(sample, ("lin", "quad", "lasso"), rng=rng)
    assert np.array_equal(found.value[2], alone.value) and np.array_equal(found.se[2], alone.se)
    best = selection.select_minimax(alone.by_fold)
    assert tuple(found.chosen[2]) == best.index and np.array_equal(found.risk[2], best.risk)


def test_the_number_of_workers_changes_nothing(found):
    streams = np.random.SeedSequence(1).spawn(4)
    again = selection.monte_carlo(2000, streams, ("lin", "quad", "lasso"), Design(shape="wavy"), n_jobs=2)
    assert np.array_equal(again.value, found.value) and np.array_equal(again.chosen, found.chosen)


def test_selected_single_and_lot_read_the_right_tuples(found):
    best = [found.value[(r, *index)] for r, index in enumerate(found.chosen)]
    assert found.selected.value.tolist() == best
    assert found.single("lin").value.tolist() == found.value[:, 0, 0, 0, 0].tolist()
    assert found.single("lasso").se.tolist() == found.se[:, 2, 2, 2, 1].tolist()  # quad stands in for the effect
    assert len(found.by_lot.value) == found.value.size
    assert np.mean((found.by_lot.value - 1) ** 2) == pytest.approx(np.mean((found.value - 1) ** 2))


def test_over_all_tuples_nothing_is_gained_over_lot(found):
    places = np.ndindex(found.value.shape[1:])
    gains = [found.gain_over_lot(found._at(place)) for place in places]
    assert np.mean(gains, axis=0) == pytest.approx(np.zeros(4), abs=1e-12)
    perfect = comparisons.Replications(np.full(4, simulate.TRUE_EFFECT))
    assert found.gain_over_lot(perfect) == pytest.approx(((found.value - 1) ** 2).mean((1, 2, 3, 4)))


def test_the_worst_tuple_has_the_largest_error(found):
    errors = ((found.value - 1) ** 2).mean(0)
    assert np.mean((found.worst.value - 1) ** 2) == pytest.approx(errors.max())
    assert found.mean_squared_error == pytest.approx(errors)
    assert found.mean_risk == pytest.approx(found.risk.mean(0))


def test_every_sample_casts_one_vote_per_slot(found):
    assert found.votes.sum(0).tolist() == [4, 4, 4, 4]
    assert found.votes[2, 3] == 0  # the lasso has no part in the effect


def test_a_sample_without_an_estimate_leaves_the_others():
    value = np.array([[1.0, 3.0], [np.nan, 2.0]]).reshape(2, 2, 1, 1, 1)
    risk = np.where(np.isnan(value), np.inf, 0.5)
    names = (("lin", "quad"), ("lin",), ("lin",), ("lin",))
    found = selection.TupleReplications(names, value, 0 * value, risk, np.array([[0, 0, 0, 0], [1, 0, 0, 0]]))
    assert found.mean_squared_error.ravel().tolist() == [0.0, 2.5]
    assert found.mean_risk.ravel().tolist() == [0.5, 0.5]
    assert found.worst.value.tolist() == [3.0, 2.0]
    assert found.gain_over_lot(found.selected) == pytest.approx([2.0, 0.0])


def test_without_a_stream_there_is_nothing_to_run():
    with pytest.raises(ValueError, match="streams is empty"):
        selection.monte_carlo(500, [], ("lin",), Design())
