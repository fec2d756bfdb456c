import numpy as np
import pytest
from paperlab.methods.prediction import prescription as rx

NAMES = ("screen", "stress", "noise")


def test_program_and_sorting_agree():
    rng = np.random.default_rng(0)
    value, levels = rng.normal(0.2, 1, (60, 10)), rng.integers(0, 5, (60, 10))
    for budget in (0, 1, 3, 10):
        for d_max in (1, 2, 4):
            steps = rx.prescribe(value, levels, budget, d_max)
            assert (steps <= np.minimum(d_max, levels)).all()
            assert ((steps > 0).sum(1) <= budget).all()
            assert (value * steps).sum() == pytest.approx((value * rx.ranking(value, levels, budget, d_max)).sum())


def test_no_budget_and_much_resistance_give_no_advice():
    levels = np.full((4, 3), 4)
    assert not rx.prescribe(np.ones((4, 3)), levels, 0, 2).any()
    assert not rx.prescribe(-np.ones((4, 3)), levels, 3, 2).any()
    assert not rx.prescribe(np.zeros((4, 3)), levels, 3, 2).any()


def test_level_program_picks_one_step_size_per_habit():
    gain = np.array([[[0.1, 0.5], [0.4, 0.2], [0.3, 0.3]]])
    assert rx.prescribe_levels(gain, [[4, 4, 4]], 2).tolist() == [[2, 1, 0]]
    assert rx.prescribe_levels(gain, [[1, 4, 4]], 2).tolist() == [[0, 1, 1]]  # two steps are not possible in the first
    assert not rx.prescribe_levels(-gain, [[4, 4, 4]], 2).any()


def test_exhaustive_search_finds_habits_that_help_only_together():
    """Sorting by single gains cannot see it; trying all pairs does."""
    levels = np.array([[2, 2, 2], [2, 2, 2]])

    def predict(rows, new):
        return 0.1 + 0.8 * ((new[:, 0] == 0) & (new[:, 2] == 0)) + 0.05 * (new[:, 1] == 0)

    assert rx.exhaustive(predict, levels, 2, 2, [0, 1]).tolist() == [[2, 0, 2]] * 2


def test_random_advice_has_the_size_that_was_asked_for():
    levels = np.array([[0, 3, 1, 2], [4, 4, 4, 4]])
    steps = rx.random_advice(levels, [2, 3], 2, np.random.default_rng(0))
    assert (steps > 0).sum(1).tolist() == [2, 3]
    assert steps[0, 0] == 0
    assert (steps <= np.minimum(2, levels)).all()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: rx.check_answers([[1, 5, 0]], NAMES), r"column 'stress': answer 5\.0 is not on its scale"),
        (lambda: rx.check_answers([[1, 2, 0.5]], NAMES), r"column 'noise': answer 0\.5"),
        (lambda: rx.check_answers(np.empty((3, 0)), ()), "no modifiable column"),
        (lambda: rx.resistance_shares([1, -1, 1], NAMES), r"column 'stress': resistance -1\.0 is negative"),
        (lambda: rx.prescribe(np.ones((1, 3)), [[1, 1, 1]], 2, 0), "d_max = 0: a change needs"),
        (lambda: rx.prescribe(np.ones((1, 3)), [[1, 1, 1]], -1, 2), "K = -1"),
        (lambda: rx.prescribe_levels(np.ones((1, 3, 2)), [[1, 1, 1]], -1), "K = -1"),
        (lambda: rx.prescribe(np.ones((1, 3)), [[1, -1, 1]], 2, 2), "no optimum under"),
    ],
)
def test_bad_input_is_told(call, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        call()


def test_shares():
    assert rx.resistance_shares([1, 3, 0], NAMES).tolist() == [0.25, 0.75, 0]
    assert rx.resistance_shares([0, 0, 0], NAMES).tolist() == [0, 0, 0]
