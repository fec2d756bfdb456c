"""Households in either unit, classical estimates by hand, the bootstrap, and one-sided participation."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.instruments import crossfit, multiply_robust, pension


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 2000
    income, age = rng.uniform(10, 100, n), rng.integers(25, 65, n)
    size, married = rng.integers(1, 6, n), rng.integers(0, 2, n)
    eligible = (rng.random(n) < 0.2 + 0.004 * income).astype(int)
    joined = eligible * (rng.random(n) < 0.6)
    assets = 10 * joined + 0.5 * income + 0.2 * age + rng.normal(0, 5, n)
    return pd.DataFrame(
        {
            "nettfa": assets,
            "p401k": joined,
            "e401k": eligible,
            "inc": income,
            "age": age,
            "fsize": size,
            "marr": married,
        }
    )


def in_dollars(frame):
    scaled = frame.assign(nettfa=1000 * frame.nettfa, inc=1000 * frame.inc)
    return scaled.rename(columns={"nettfa": "net_tfa", "p401k": "p401", "e401k": "e401"})


def test_both_files_give_the_same_households(frame):
    one, other = pension.households(frame), pension.households(in_dollars(frame))
    assert other.sample.y == pytest.approx(one.sample.y) and other.controls == pytest.approx(one.controls)
    assert other.sample.x == pytest.approx(one.sample.x)
    assert one.controls.shape == (2000, 7)
    with pytest.raises(ValueError, match="frame needs the columns"):
        pension.households(frame.drop(columns="e401k"))


def test_classical_estimates_are_those_of_the_textbook(frame):
    people = pension.households(frame)
    y, a, z, c = people.sample.y, people.sample.treatment, people.sample.instrument, people.controls
    raw, eligible, ols, tsls = pension.classical(people)[0]
    assert raw == pytest.approx(y[a == 1].mean() - y[a == 0].mean())
    here = z == 1
    assert eligible == pytest.approx(linear.ols(y[here], np.column_stack([a, c])[here]).coef[0], rel=1e-7)
    assert ols == pytest.approx(linear.ols(y, np.column_stack([a, c])).coef[0], rel=1e-7)
    expected = linear.two_stage_least_squares(y, a[:, None], c, z[:, None]).coef[0]
    assert tsls == pytest.approx(expected, rel=1e-7)


def test_the_functional_is_regression_among_the_eligible(frame):
    people = pension.households(frame)
    constant = multiply_robust.constant_effect(people.sample, people.controls)
    assert constant == pytest.approx(pension.classical(people)[0, 1], abs=1e-8)


def test_a_household_that_counts_twice_is_a_household_twice(frame):
    few = frame.iloc[:300]
    weights = np.random.default_rng(1).integers(0, 3, 300)
    again = pension.households(few.iloc[np.repeat(np.arange(300), weights)])
    found = pension.classical(pension.households(few), weights[None].astype(float))
    assert found == pytest.approx(pension.classical(again), rel=1e-7)


def test_the_bootstrap_spreads_as_the_standard_error_says(frame):
    people = pension.households(frame)
    draws = pension.bootstrap(people, 300, rng=np.random.default_rng(2))
    fit = linear.ols(people.sample.y, np.column_stack([people.sample.treatment, people.controls]))
    assert draws.shape == (300, 4)
    assert draws[:, 2].mean() == pytest.approx(fit.coef[0], abs=0.1)
    assert draws[:, 2].std() == pytest.approx(fit.se[0], rel=0.15)


def test_the_size_of_a_chunk_changes_nothing(frame):
    people = pension.households(frame.iloc[:200])
    one, other = (pension.bootstrap(people, 7, rng=np.random.default_rng(3), chunk=chunk) for chunk in (2, 100))
    assert one == pytest.approx(other, rel=1e-9)
    with pytest.raises(ValueError, match="n_draws and chunk must be at least 1, got 0 and 100"):
        pension.bootstrap(people, 0, rng=np.random.default_rng(3))


def test_learners_find_the_effect_of_a_one_sided_treatment(frame):
    people = pension.households(frame)
    tuples = crossfit.debiased_tuples(people.sample, ("lin", "quad"), rng=np.random.default_rng(4))
    found = pension.from_learners(people, tuples, "lin")
    for value, low, high in found.values():
        assert low < value < high
        assert value == pytest.approx(10, abs=1.5)
    assert found["median of all tuples"][0] == pytest.approx(np.median(tuples.value))
