"""The finite population is what it says: its functions are conditional means of its cells."""

import numpy as np
import pytest
from paperlab.methods.instruments.population import population


@pytest.fixture(scope="module")
def people():
    return population()


def given(people, values, *keys):
    """Conditional expectation of ``values`` given the columns ``keys``, at every cell."""
    rows = np.column_stack(keys)
    out = np.empty(len(values))
    for row in np.unique(rows, axis=0):
        here = (rows == row).all(1)
        out[here] = people.mass[here] @ values[here] / people.mass[here].sum()
    return out


def test_the_right_functions_are_conditional_means(people):
    cells = people.cells
    x, z, a, y = cells.x[:, 0], cells.instrument, cells.treatment, cells.y
    f = people.nuisances()
    assert given(people, z, x) == pytest.approx(f.pi)
    p = given(people, a, x, z)
    assert p == pytest.approx(np.where(z == 1, f.p1, f.p0))
    m = given(people, y - f.beta * a, x, z)
    assert m == pytest.approx(np.where(z == 1, f.m1, f.m0))
    covariance = given(people, (a - p) * y, x, z)
    assert covariance == pytest.approx(f.beta * p * (1 - p) + f.rho)


def test_masses_sum_to_one_and_the_confounder_knows_nothing_of_the_instrument(people):
    cells, mass = people.cells, people.mass
    assert mass.sum() == pytest.approx(1) and mass.min() > 0
    u = (cells.y - given(people, cells.y, cells.x[:, 0], cells.instrument, cells.treatment)) > 0
    assert given(people, u.astype(float), cells.x[:, 0]) == pytest.approx(
        given(people, u.astype(float), cells.x[:, 0], cells.instrument), abs=1e-12
    )
    assert people.effect == pytest.approx(1)


def test_every_wrong_function_is_wrong(people):
    right, wrong = vars(people.nuisances()), vars(people.nuisances(right=()))
    assert all(np.abs(right[name] - wrong[name]).max() > 0.03 for name in right)
    with pytest.raises(ValueError, match="right must name some of p, pi, m, beta, rho, got 'mu'"):
        people.nuisances(("mu",))
