"""The program, the ranking and the enumeration agree; advice has no unit and asks for nothing in vain."""

import itertools

import numpy as np
import pytest
from paperlab.methods.prediction import prescription

NAMES = ("screen", "stress", "noise")


def test_program_and_sorting_agree():
    rng = np.random.default_rng(0)
    value, levels = rng.normal(0.2, 1, (60, 10)), rng.integers(0, 5, (60, 10))
    for budget in (0, 1, 3, 10):
        for d_max in (1, 2, 4):
            steps = prescription.prescribe(value, levels, budget, d_max)
            assert (steps <= np.minimum(d_max, levels)).all()
            assert ((steps > 0).sum(1) <= budget).all()
            sorted_way = prescription.ranking(value, levels, budget, d_max)
            assert (value * steps).sum() == pytest.approx((value * sorted_way).sum())


def test_program_is_the_best_of_all_advice():
    rng = np.random.default_rng(1)
    value, levels = rng.normal(size=3), np.array([2, 1, 4])
    worth = [value @ steps for steps in itertools.product(range(3), range(2), range(3)) if np.count_nonzero(steps) <= 2]
    found = prescription.prescribe(value[None], levels[None], 2, 2)[0]
    assert value @ found == pytest.approx(max(worth))


@pytest.mark.parametrize("unit", [1e-12, 1e-5, 1.0, 1e9])
def test_advice_does_not_depend_on_the_unit_of_the_gain(unit):
    rng = np.random.default_rng(2)
    value, levels = rng.normal(0.2, 1, (30, 5)), rng.integers(0, 5, (30, 5))
    base = prescription.prescribe(value, levels, 2, 2)
    assert np.array_equal(prescription.prescribe(unit * value, levels, 2, 2), base)
    gain = rng.normal(size=(30, 5, 2))
    base = prescription.prescribe_levels(gain, levels, 2)
    assert base.any()
    assert np.array_equal(prescription.prescribe_levels(unit * gain, levels, 2), base)


def test_no_budget_and_much_resistance_give_no_advice():
    levels = np.full((4, 3), 4)
    assert not prescription.prescribe(np.ones((4, 3)), levels, 0, 2).any()
    assert not prescription.prescribe(-np.ones((4, 3)), levels, 3, 2).any()
    assert not prescription.prescribe(np.zeros((4, 3)), levels, 3, 2).any()
    assert not prescription.ranking(np.zeros((4, 3)), levels, 3, 2).any()


def test_level_program_picks_one_step_size_per_habit():
    gain = np.array([[[0.1, 0.5], [0.4, 0.2], [0.3, 0.3]]])
    assert prescription.prescribe_levels(gain, [[4, 4, 4]], 2).tolist() == [[2, 1, 0]]
    assert prescription.prescribe_levels(gain, [[1, 4, 4]], 2).tolist() == [[0, 1, 1]]  # two steps are not possible
    assert not prescription.prescribe_levels(-gain, [[4, 4, 4]], 2).any()


def test_level_program_is_the_step_program_where_gains_are_proportional():
    rng = np.random.default_rng(3)
    value, levels = rng.normal(size=(20, 4)), rng.integers(0, 4, (20, 4))
    gain = value[:, :, None] * np.arange(1, 4)
    steps = prescription.prescribe_levels(gain, levels, 2)
    assert (value * steps).sum() == pytest.approx((value * prescription.prescribe(value, levels, 2, 3)).sum())


def test_exhaustive_search_finds_habits_that_help_only_together():
    """Sorting by single gains cannot see it; trying all pairs does."""
    levels = np.array([[2, 2, 2], [2, 2, 2]])

    def predict(rows, new):
        return 0.1 + 0.8 * ((new[:, 0] == 0) & (new[:, 2] == 0)) + 0.05 * (new[:, 1] == 0)

    assert prescription.exhaustive(predict, levels, 2, 2, [0, 1]).tolist() == [[2, 0, 2]] * 2


def test_exhaustive_search_advises_the_rows_that_are_named():
    levels = np.array([[4, 0], [0, 3], [1, 1]])
    seen = []

    def predict(rows, new):
        seen.append((list(rows), new.copy()))
        return np.array([new[i].sum() * -1.0 for i in range(len(new))])

    found = prescription.exhaustive(predict, levels, 1, 2, [1, 0])
    assert found.tolist() == [[0, 2], [2, 0]]
    assert all(rows == [1, 0] for rows, _ in seen)


def test_random_advice_has_the_size_that_was_asked_for():
    levels = np.array([[0, 3, 1, 2], [4, 4, 4, 4]])
    steps = prescription.random_advice(levels, [2, 3], 2, rng=np.random.default_rng(0))
    assert (steps > 0).sum(1).tolist() == [2, 3]
    assert steps[0, 0] == 0
    assert (steps[steps > 0] == np.broadcast_to(np.minimum(2, levels), steps.shape)[steps > 0]).all()


def test_random_advice_prefers_no_habit():
    levels = np.full((6000, 3), 4)
    steps = prescription.random_advice(levels, np.ones(6000, int), 2, rng=np.random.default_rng(1))
    assert (steps > 0).mean(0) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_shares():
    assert prescription.resistance_shares([1, 3, 0], NAMES).tolist() == [0.25, 0.75, 0]
    assert prescription.resistance_shares([0, 0, 0], NAMES).tolist() == [0, 0, 0]
    assert prescription.resistance_shares([1e308, 1e308, 0], NAMES) == pytest.approx([0.5, 0.5, 0])


ONE, LEVELS = np.ones((1, 3)), [[1, 1, 1]]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: prescription.check_answers([[1, 5, 0]], NAMES), r"column 'stress': answer 5\.0 is not on its scale"),
        (lambda: prescription.check_answers([[1, -1, 0]], NAMES), r"column 'stress': answer -1\.0"),
        (lambda: prescription.check_answers([[1, 2, 0.5]], NAMES), r"column 'noise': answer 0\.5"),
        (lambda: prescription.check_answers([[1, np.nan, 2]], NAMES), "column 'stress': answer nan"),
        (lambda: prescription.check_answers(np.empty((3, 0)), ()), "no modifiable column"),
        (lambda: prescription.check_answers([1, 2, 3], NAMES), "no modifiable column"),
        (lambda: prescription.check_answers([[1, 2]], NAMES), "names has 3 entries for 2 columns"),
        (lambda: prescription.resistance_shares([1, -1, 1], NAMES), r"column 'stress': resistance -1\.0 is negative"),
        (lambda: prescription.resistance_shares([1, 1, np.nan], NAMES), "column 'noise': resistance nan"),
        (lambda: prescription.resistance_shares([1, 1], NAMES), "give one number for each of 3 habits"),
        (lambda: prescription.prescribe(ONE, LEVELS, 2, 0), "d_max = 0: a change needs"),
        (lambda: prescription.prescribe(ONE, LEVELS, -1, 2), "K = -1"),
        (lambda: prescription.ranking(ONE, LEVELS, -1, 2), "K = -1"),
        (lambda: prescription.prescribe_levels(np.ones((1, 3, 2)), LEVELS, -1), "K = -1"),
        (lambda: prescription.prescribe(ONE, [[1, -1, 1]], 2, 2), "levels holds -1"),
        (lambda: prescription.prescribe(ONE, [[1, 1.5, 1]], 2, 2), "levels holds 1.5"),
        (lambda: prescription.prescribe(ONE * np.nan, LEVELS, 2, 2), "value is nan in row 0"),
        (lambda: prescription.ranking(ONE, [[1, 1]], 2, 2), r"got \(1, 3\) and \(1, 2\)"),
        (
            lambda: prescription.exhaustive(None, LEVELS, 4, 2, [0]),
            "n_changes must lie between 1 and the 3 habits, got 4",
        ),
        (lambda: prescription.exhaustive(lambda r, x: [np.nan], LEVELS, 1, 2, [0]), "predict"),
        (
            lambda: prescription.random_advice([[0, 1]], [2], 2, rng=np.random.default_rng(0)),
            "changes = 2 in row 0, but only 1 habits can fall",
        ),
    ],
)
def test_bad_input_is_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()
