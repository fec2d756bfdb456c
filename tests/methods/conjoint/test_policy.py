"""The closed form is the maximum, its errors are derivatives, and what has no unique maximum says so."""

import numpy as np
import pytest
from paperlab.methods.conjoint import policy
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 3))
FREE = LAYOUT.free


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    beta = rng.normal(0, 0.1, 5)
    gamma = np.triu(rng.normal(0, 0.05, (5, 5)), 1)
    gamma = (gamma + gamma.T) * (LAYOUT.factor[FREE][:, None] != LAYOUT.factor[FREE][None])
    return policy.TwoWayModel(0.3, beta, gamma)


P, LAM = LAYOUT.uniform[FREE], 0.4


def whole(vector):
    """All levels from the free ones, references as what is left."""
    out = np.zeros(LAYOUT.size)
    out[FREE] = vector
    out[LAYOUT.starts] = (1 - LAYOUT.total(out))[LAYOUT.starts]
    return out


def over_all_levels(model):
    wide, square = np.zeros(LAYOUT.size), np.zeros((LAYOUT.size,) * 2)
    wide[FREE], square[np.ix_(FREE, FREE)] = model.beta, model.gamma
    return policy.TwoWayModel(model.intercept, wide, square)


# The two-way model


def test_value_is_the_mean_over_profiles():
    rng = np.random.default_rng(1)
    x = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, -1).T
    coef = rng.standard_normal(11)
    pi = rng.random(4)
    chance = np.prod(np.where(x == 1, pi, 1 - pi), 1)
    model = policy.TwoWayModel.from_coef(coef, 4)
    assert model.value(pi) == pytest.approx(chance @ (policy.two_way(x) @ coef))
    np.testing.assert_allclose(model.value(x), policy.two_way(x) @ coef)


def test_bad_models_are_refused():
    with pytest.raises(ValueError, match="gamma must be symmetric"):
        policy.TwoWayModel(0.0, np.zeros(2), np.array([[0, 1.0], [0, 0]]))
    with pytest.raises(ValueError, match=r"gamma must end in shape \(2, 2\)"):
        policy.TwoWayModel(0.0, np.zeros(2), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="beta is nan in row 1"):
        policy.TwoWayModel(0.0, np.array([0, np.nan]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="coef must have 4 entries for 2 columns, got 5"):
        policy.TwoWayModel.from_coef(np.zeros(5), 2)


# Closed form


def test_closed_form_is_the_maximum_of_the_penalised_value(model):
    best = policy.closed_form(model, P, LAM, LAYOUT)
    assert best.unique
    assert best.inside
    assert best.value == pytest.approx(model.value(best.pi))

    def payoff(pi):
        return model.value(pi) - LAM * ((whole(pi) - LAYOUT.uniform) ** 2).sum()

    top = payoff(best.pi)
    for step in np.random.default_rng(1).normal(0, 1e-3, (200, 5)):
        assert payoff(best.pi + step) < top


def test_binary_factors_give_the_published_system():
    beta, gamma, p, lam = np.array([0.1, -0.2]), np.array([[0, 0.3], [0.3, 0]]), np.array([0.5, 0.5]), 0.7
    found = policy.system(policy.TwoWayModel(0.0, beta, gamma), p, lam, Layout((2, 2)))
    np.testing.assert_allclose(found.c, [[-4 * lam, 0.3], [0.3, -4 * lam]])
    np.testing.assert_allclose(found.b, -beta - 4 * lam * p)


def test_three_levels_give_the_published_system():
    beta, p, lam = np.array([0.1, -0.2]), np.array([0.2, 0.3]), 0.7
    found = policy.system(policy.TwoWayModel(0.0, beta, np.zeros((2, 2))), p, lam, Layout((3,)))
    np.testing.assert_allclose(found.c, [[-4 * lam, -2 * lam], [-2 * lam, -4 * lam]])
    np.testing.assert_allclose(found.b, [-0.1 - 4 * lam * 0.2 - 2 * lam * 0.3, 0.2 - 4 * lam * 0.3 - 2 * lam * 0.2])


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_policy_does_not_depend_on_the_unit_of_the_outcome(model, unit):
    moved = policy.TwoWayModel(unit * model.intercept, unit * model.beta, unit * model.gamma)
    best, same = policy.closed_form(model, P, LAM, LAYOUT), policy.closed_form(moved, P, unit * LAM, LAYOUT)
    np.testing.assert_allclose(same.pi, best.pi, rtol=1e-9)
    assert same.value == pytest.approx(unit * best.value)
    assert same.unique and same.inside


def test_a_batch_is_the_single_systems(model):
    scale = np.array([1.0, 0.5])
    batch = policy.TwoWayModel(np.zeros(2), scale[:, None] * model.beta, scale[:, None, None] * model.gamma)
    both = policy.closed_form(batch, P, LAM, LAYOUT)
    half = policy.TwoWayModel(0.0, model.beta / 2, model.gamma / 2)
    np.testing.assert_allclose(both.pi[1], policy.closed_form(half, P, LAM, LAYOUT).pi)


def test_without_enough_penalty_the_closed_form_says_so():
    layout, p, none = Layout((2, 2)), np.full(2, 0.5), np.zeros((2, 2))
    strong = np.array([[0, 3.0], [3.0, 0]])
    best = policy.closed_form(policy.TwoWayModel(0.0, np.zeros(2), strong), p, 0.1, layout)
    assert not best.unique
    wide = policy.closed_form(policy.TwoWayModel(0.0, np.array([2.0, 0.0]), none), p, 0.1, layout)
    assert wide.unique
    assert not wide.inside
    for scale in (1.0, 1e-9):  # 4 lam equals the interaction: a line of optima
        level = policy.TwoWayModel(0.0, np.zeros(2), scale * strong)
        with pytest.raises(ValueError, match=r"C is singular at lam = .*: the optimum is not unique; raise lam"):
            policy.closed_form(level, p, 0.75 * scale, layout)


def test_gradient_ascent_and_projection_agree_with_the_closed_form(model):
    best = policy.closed_form(model, P, LAM, LAYOUT)
    found = policy.ascend(over_all_levels(model), LAYOUT.uniform, LAM, LAYOUT)
    np.testing.assert_allclose(found, whole(best.pi), atol=1e-6)
    main = policy.TwoWayModel(0.0, model.beta, 0 * model.gamma)
    expected = whole(policy.closed_form(main, P, LAM, LAYOUT).pi)
    wide = over_all_levels(main)
    np.testing.assert_allclose(policy.linear_policy(wide.beta, LAYOUT.uniform, LAM, LAYOUT), expected, atol=1e-10)


def test_ascent_starts_where_it_is_told_and_follows_units(model):
    wide = over_all_levels(model)
    start = np.log(LAYOUT.softmax(np.random.default_rng(0).standard_normal(LAYOUT.size)))
    still = policy.ascend(wide, LAYOUT.uniform, LAM, LAYOUT, start=start, n_steps=0)
    np.testing.assert_allclose(still, LAYOUT.softmax(start))
    tiny = policy.TwoWayModel(0.0, 1e-9 * wide.beta, 1e-9 * wide.gamma)
    np.testing.assert_allclose(
        policy.ascend(tiny, LAYOUT.uniform, 1e-9 * LAM, LAYOUT, n_steps=50),
        policy.ascend(wide, LAYOUT.uniform, LAM, LAYOUT, n_steps=50),
    )


def test_a_small_price_leads_to_the_best_profile_and_a_large_one_to_the_design():
    slopes = np.random.default_rng(2).normal(0, 0.1, LAYOUT.size)
    corner = policy.linear_policy(slopes, LAYOUT.uniform, 1e-6, LAYOUT)
    np.testing.assert_array_equal(corner, LAYOUT.argmax(slopes))
    np.testing.assert_allclose(policy.linear_policy(slopes, LAYOUT.uniform, 1e9, LAYOUT), LAYOUT.uniform)


def test_kl_policy_is_the_tilted_design():
    slopes = np.random.default_rng(2).normal(0, 0.1, LAYOUT.size)
    tilted = LAYOUT.softmax(np.log(LAYOUT.uniform) + slopes / 0.2)
    model = policy.TwoWayModel(0.0, slopes, np.zeros((LAYOUT.size,) * 2))
    found = policy.ascend(model, LAYOUT.uniform, 0.2, LAYOUT, penalty="kl")
    np.testing.assert_allclose(found, tilted, atol=1e-5)


def test_delta_method_equals_finite_differences():
    k, lam = 4, 0.8
    layout, p = Layout((2,) * k), np.full(k, 0.5)
    rng = np.random.default_rng(3)
    coef = rng.normal(0, 0.3, 1 + k + 6)
    half = rng.normal(0, 1, (11, 11))
    cov = half @ half.T / 100

    def both(coef):
        best = policy.closed_form(policy.TwoWayModel.from_coef(coef, k), p, lam, layout)
        return np.r_[best.pi, best.value]

    jac = np.column_stack([(both(coef + h) - both(coef - h)) / 2e-6 for h in 1e-6 * np.eye(11)])
    expected = np.sqrt(np.diag(jac @ cov @ jac.T))
    model = policy.TwoWayModel.from_coef(coef, k)
    se = policy.delta_method(policy.closed_form(model, p, lam, layout), model, cov)
    np.testing.assert_allclose(np.r_[se.pi, se.value], expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"cov must end in shape \(11, 11\)"):
        policy.delta_method(policy.closed_form(model, p, lam, layout), model, cov[:10, :10])


# Choosing a penalty, looking up a profile


def test_one_standard_error_rule():
    shares = np.array([[0.70, 0.69, 0.60], [0.66, 0.67, 0.58], [0.74, 0.71, 0.62]])
    found = policy.choose_penalty([0.01, 0.02, 0.5], shares)
    assert (found.index, found.lam) == (1, 0.02)
    np.testing.assert_allclose(found.mean, shares.mean(0))
    assert found.se[0] == pytest.approx(0.04 / np.sqrt(3))
    turned = policy.choose_penalty([0.5, 0.02, 0.01], shares[:, ::-1])
    assert (turned.index, turned.lam) == (1, 0.02)
    assert policy.choose_penalty([0.01, 0.02], [[0.7, 0.1], [0.7, 0.1]]).lam == 0.01  # certain: the best one


def test_bad_shares_are_refused():
    with pytest.raises(ValueError, match="two folds or more, 2 penalties"):
        policy.choose_penalty([0.1, 1.0], [[0.7, 0.6]])
    with pytest.raises(ValueError, match="shares is nan in row 1"):
        policy.choose_penalty([0.1], [[0.7], [np.nan]])


def test_log_probability_and_its_floor():
    profile = LAYOUT.argmax(np.array([1.0, 0, 0, 1, 0, 0, 0, 1]))
    assert policy.log_probability(LAYOUT.uniform, profile, LAYOUT) == pytest.approx(-np.log(18))
    other = np.array([0.0, 1, 0, 1, 0, 0, 0, 1])
    assert policy.log_probability(other, profile, LAYOUT) == pytest.approx(np.log(1e-3))
    assert policy.log_probability(other, profile, LAYOUT, floor=0.1) == pytest.approx(np.log(0.1))
    with pytest.raises(ValueError, match="profile has not one level of each factor"):
        policy.log_probability(other, 0 * profile, LAYOUT)
    with pytest.raises(ValueError, match="floor must lie between 0 and 1, got 0"):
        policy.log_probability(other, profile, LAYOUT, floor=0)


def test_bad_penalties_and_shapes_are_named(model):
    wide = over_all_levels(model)
    for lam in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"lam must be positive, got {lam}"):
            policy.closed_form(model, P, lam, LAYOUT)
        with pytest.raises(ValueError, match=f"lam must be positive, got {lam}"):
            policy.linear_policy(wide.beta, LAYOUT.uniform, lam, LAYOUT)
    with pytest.raises(ValueError, match="penalty must be l2 or kl"):
        policy.ascend(wide, LAYOUT.uniform, 1.0, LAYOUT, penalty="l1")
    with pytest.raises(ValueError, match="one entry for each of 5 non-reference levels"):
        policy.closed_form(wide, P, 1.0, LAYOUT)
    with pytest.raises(ValueError, match="beta is nan in row 0"):
        policy.linear_policy(np.full(8, np.nan), LAYOUT.uniform, 1.0, LAYOUT)
