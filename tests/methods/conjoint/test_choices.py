"""Pairs and effects of attributes: hand counts, labels, order of candidates, refusals by name."""

import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm
from paperlab.methods.conjoint import choices, simulate
from paperlab.methods.conjoint.layout import Layout


@pytest.fixture(scope="module")
def pairs():
    """Three factors, 60 respondents with five tasks each, and tastes of their own."""
    rng = np.random.default_rng(0)
    layout = Layout((2, 3, 4))
    n = 300
    x1, x2 = layout.argmax(rng.random((n, 9))), layout.argmax(rng.random((n, 9)))
    person = np.repeat(np.arange(60), 5)
    taste = rng.normal(0, 0.1, (60, 9))[person] + np.array([0, 0.2, 0, 0.1, -0.1, 0, 0.1, 0.2, 0.3])
    y = (rng.random(n) < np.clip(0.5 + ((x1 - x2) * taste).sum(1), 0, 1)).astype(float)
    party1, party2, voter = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(0, 2, 60)[person]
    return choices.Pairs(x1, x2, party1, party2, voter, y, person, layout)


# Tasks


@pytest.mark.parametrize("name", [lambda t: t, lambda t: f"task {t}", lambda t: ("wave", t)])
def test_rows_of_a_task_come_together(name):
    rows = choices.pair_rows([name(t) for t in (7, 3, 7, 3)], [1, 0, 0, 1])
    assert (rows.first.tolist(), rows.second.tolist(), rows.y.tolist()) == ([1, 0], [3, 2], [0.0, 1.0])


def test_bad_tasks_are_named():
    with pytest.raises(ValueError, match="task 3 has 1 profiles; a forced choice needs two"):
        choices.pair_rows([7, 7, 3], [1, 0, 1])
    with pytest.raises(ValueError, match="task b has 3 profiles"):
        choices.pair_rows(["b", "b", "b", "a", "a"], [1, 0, 0, 1, 0])
    with pytest.raises(ValueError, match="task 7 has 2 chosen profiles; a forced choice has exactly one"):
        choices.pair_rows([7, 7, 3, 3], [1, 1, 0, 1])
    with pytest.raises(ValueError, match="task 3 has 0 chosen profiles"):
        choices.pair_rows([7, 7, 3, 3], [1, 0, 0, 0])
    with pytest.raises(ValueError, match="chosen is nan in row 1"):
        choices.pair_rows([7, 7], [1, np.nan])
    with pytest.raises(ValueError, match="task has no label in row 1"):
        choices.pair_rows([7, None], [1, 0])
    with pytest.raises(ValueError, match="chosen must have one entry for each of 2 rows"):
        choices.pair_rows([7, 7], [1, 0, 0])


# Pairs


def test_order_of_candidates_does_not_matter(pairs):
    swapped = pairs.swapped()
    np.testing.assert_allclose(choices.amce(swapped).effect, choices.amce(pairs).effect, atol=1e-10)
    for voter in (0, 1):
        ours, theirs = pairs.general(voter), swapped.general(voter)
        for part in ("x", "y", "rows"):
            np.testing.assert_allclose(getattr(ours, part), getattr(theirs, part))
    for ours, theirs in ((pairs.primary(1), swapped.primary(1)), (pairs.pooled(), swapped.pooled())):
        np.testing.assert_allclose(ours.x, -theirs.x)
        np.testing.assert_allclose(ours.y, -theirs.y)


def test_designs_by_hand():
    layout = Layout((2,))
    man, woman = [1.0, 0.0], [0.0, 1.0]
    parties = {"party1": np.array([1, 0, 1, 0]), "party2": np.array([0, 1, 1, 0]), "voter": np.array([1, 1, 1, 1])}
    profiles = {"x1": np.array([man, man, man, man]), "x2": np.array([woman, woman, woman, woman])}
    four = choices.Pairs(**profiles, **parties, y=np.array([1, 1, 0, 1]), person=np.arange(4), layout=layout)
    pooled, general, primary = four.pooled(), four.general(1), four.primary(1)
    np.testing.assert_array_equal(pooled.x, [[1, 1, -1], [-1, 1, -1], [0, 1, -1], [0, 1, -1]])
    assert pooled.y.tolist() == [0.5, 0.5, -0.5, 0.5]
    np.testing.assert_array_equal(general.x, [[1, 0.5, -0.5, 0.5, -0.5], [1, -0.5, 0.5, -0.5, 0.5]])
    assert (general.y.tolist(), general.rows.tolist()) == ([1, 0], [0, 1])
    assert (primary.x.tolist(), primary.y.tolist(), primary.rows.tolist()) == ([[1, -1]], [-0.5], [2])
    assert four.primary(1, own=False).rows.tolist() == [2, 3]
    with pytest.raises(ValueError, match="no pair of different parties was seen by Democratic voters"):
        four.general(0)
    with pytest.raises(ValueError, match="no pair of one party was seen by Democratic voters"):
        four.primary(0)
    with pytest.raises(ValueError, match="voter must be 0"):
        four.general(2)


def test_plain_lists_make_the_same_pairs(pairs):
    names = ("x1", "x2", "party1", "party2", "voter", "y", "person")
    lists = dataclasses.replace(pairs, **{name: getattr(pairs, name).tolist() for name in names})
    for ours, theirs in ((lists.pooled(), pairs.pooled()), (lists.general(0), pairs.general(0))):
        np.testing.assert_array_equal(ours.x, theirs.x)
        np.testing.assert_array_equal(ours.y, theirs.y)
    assert Layout((2.0, 3)).levels == (2, 3)


def test_bad_pairs_are_refused(pairs):
    row = np.arange(300)
    for name, bad, message in (
        ("y", np.where(row == 4, 2, pairs.y), "y must be 0 or 1, got 2 in row 4"),
        ("y", np.where(row == 4, np.nan, pairs.y), "y is nan in row 4"),
        ("voter", pairs.voter + 1, "voter must be 0 or 1"),
        ("party1", pairs.party1[1:], "party1 must have one entry for each of 300 pairs"),
        ("person", pairs.person[1:], "person must be one label for each of 300 rows"),
        ("person", np.where(row == 9, np.nan, pairs.person), "person has no label in row 9"),
        ("x1", pairs.x1[:, 1:], r"x1 must have shape \(300, 9\)"),
        ("x2", np.where(row[:, None] == 3, 1.0, pairs.x2), "x2 has not one level of each factor in row 3"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(pairs, **{name: bad})


# Effects


def test_amce_of_one_binary_factor_is_twice_the_share_above_one_half():
    layout = Layout((2,))
    x1 = np.tile([0.0, 1.0], (40, 1))
    y = np.repeat([1.0, 0.0], [28, 12])  # the second level is chosen in 70 % of pairs
    parties = np.zeros(40, int)
    pairs = choices.Pairs(x1, 1 - x1, parties, parties, parties, y, np.arange(40), layout)
    assert choices.amce(pairs).effect.tolist() == pytest.approx([0, 0.4])


NAMES = {
    "0 to 199": lambda i: i,
    "5000 + i": lambda i: 5000 + i,
    "37 i": lambda i: 37 * i,
    "text": lambda i: f"respondent {i}",
    "tuple": lambda i: ("wave 1", i),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_respondents_do_not_matter(pairs, name):
    named = dataclasses.replace(pairs, person=[NAMES[name](i) for i in pairs.person.tolist()])
    np.testing.assert_allclose(choices.amce(named).se, choices.amce(pairs).se, rtol=1e-10)
    assert named.n_persons == 60
    assert (named.person_code.max(), len(set(named.person_code))) == (59, 60)


def test_one_respondent_is_refused_and_gaps_in_their_numbers_are_not(pairs):
    one = dataclasses.replace(pairs, person=np.full(300, "Ann"))
    with pytest.raises(ValueError, match="all rows belong to one cluster"):
        choices.amce(one)
    assert np.isfinite(choices.amce(one, clustered=False).se).all()


def test_the_order_of_rows_does_not_matter(pairs):
    order = np.random.default_rng(3).permutation(300)
    rows = {name: getattr(pairs, name)[order] for name in ("x1", "x2", "party1", "party2", "voter", "y", "person")}
    moved, base = choices.amce(dataclasses.replace(pairs, **rows)), choices.amce(pairs)
    np.testing.assert_allclose(moved.effect, base.effect, atol=1e-12)
    np.testing.assert_allclose(moved.se, base.se, atol=1e-12)


def test_amce_equals_statsmodels_with_respondents_as_clusters(pairs):
    free = pairs.layout.free
    x = sm.add_constant(np.vstack([pairs.x1, pairs.x2])[:, free])
    for ours, options in (
        (choices.amce(pairs), {"cov_type": "cluster", "cov_kwds": {"groups": np.tile(pairs.person, 2)}}),
        (choices.amce(pairs, clustered=False), {"cov_type": "HC1"}),
    ):
        peer = sm.OLS(np.r_[pairs.y, 1 - pairs.y], x).fit(**options)
        np.testing.assert_allclose(ours.effect[free], peer.params[1:], atol=1e-8)
        np.testing.assert_allclose(ours.se[free], peer.bse[1:], atol=1e-8)
        assert (ours.effect[pairs.layout.starts] == 0).all() and (ours.se[pairs.layout.starts] == 0).all()


def test_effects_are_those_that_choices_were_made_with():
    layout = Layout((2, 3))
    voters = simulate.Voters(np.tile([-0.1, 0.1, -0.05, 0, 0.05], (2, 2, 1)), 0.2, layout)
    survey = simulate.simulate_voters(voters, 4000, 5, 0.5, rng=np.random.default_rng(0), personal_sd=0.0)
    found = choices.amce(survey.pairs)
    np.testing.assert_allclose(found.effect, [0, 0.2, 0, 0.05, 0.1], atol=0.015)
    assert (np.abs(found.effect - [0, 0.2, 0, 0.05, 0.1]) < 4 * found.se + 1e-12).all()


def test_a_level_never_shown_is_refused(pairs):
    layout = Layout((2, 3, 5))
    x1, x2 = (np.column_stack([x, np.zeros(300)]) for x in (pairs.x1, pairs.x2))
    with pytest.raises(ValueError, match="column 7 is zero"):
        choices.amce(dataclasses.replace(pairs, x1=x1, x2=x2, layout=layout))


# Sums by respondent


def test_sums_by_person_refit_any_resample(pairs):
    design = pairs.pooled()
    x, y = design.x, design.y
    products = choices.CrossProducts.of(x, y, pairs.person_code, 60)
    weights = np.random.default_rng(2).multinomial(60, np.full(60, 1 / 60), 3).astype(float)
    for unpenalised in (0, 1):
        found = products.fit(weights, 5.0, unpenalised=unpenalised)
        for w, coef in zip(weights, found, strict=True):
            many = w[pairs.person]
            ridge = np.diag(np.r_[0 if unpenalised else 5.0, np.full(x.shape[1] - 1, 5.0)])
            np.testing.assert_allclose(
                coef, np.linalg.solve(x.T @ (x * many[:, None]) + ridge, x.T @ (many * y)), atol=1e-10
            )


def test_a_tiny_penalty_is_least_squares_of_smallest_norm(pairs):
    design = pairs.pooled()
    products = choices.CrossProducts.of(design.x, design.y, pairs.person_code, 60)
    expected = np.linalg.lstsq(design.x, design.y, rcond=None)[0]
    np.testing.assert_allclose(products.fit(np.ones((1, 60)), 1e-7)[0], expected, atol=1e-6)


def test_bad_sums_and_weights_are_refused(pairs):
    design = pairs.general(1)
    x, y, person = design.x, design.y, pairs.person_code[design.rows]
    products = choices.CrossProducts.of(x, y, person, 60)
    absent = np.setdiff1d(np.arange(60), person)
    assert len(absent) and (products.gram[absent] == 0).all()
    with pytest.raises(ValueError, match="person_code must be"):
        choices.CrossProducts.of(x, y, person + 5000, 60)
    with pytest.raises(ValueError, match="y is nan in row 0"):
        choices.CrossProducts.of(x, np.r_[np.nan, y[1:]], person, 60)
    with pytest.raises(ValueError, match=r"weights must be \(n_fits, 60\) and not negative"):
        products.fit(np.ones((1, 59)), 1.0)
    with pytest.raises(ValueError, match="not negative"):
        products.fit(-np.ones((1, 60)), 1.0)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        products.fit(np.ones((1, 60)), 0)
    with pytest.raises(ValueError, match="0 in every row of a resample"):
        products.fit(np.isin(np.arange(60), absent)[None].astype(float), 1.0, 1)
