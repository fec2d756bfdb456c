import numpy as np
import pytest
from paperlab.methods.conjoint import choices, policy
from paperlab.methods.conjoint import simulate as design
from paperlab.methods.conjoint.choices import Layout
from paperlab.methods.foundations.linear import regress

LAYOUT = Layout((2, 3, 3))
FREE = LAYOUT.free


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    beta = rng.normal(0, 0.1, 5)
    gamma = np.triu(rng.normal(0, 0.05, (5, 5)), 1)
    gamma = (gamma + gamma.T) * (LAYOUT.factor[FREE][:, None] != LAYOUT.factor[FREE][None])
    return beta, gamma, LAYOUT.uniform[FREE], 0.4


def whole(vector):
    """All levels from the free ones, references as what is left."""
    out = np.zeros(LAYOUT.size)
    out[FREE] = vector
    out[LAYOUT.starts] = (1 - LAYOUT.total(out))[LAYOUT.starts]
    return out


def payoff(pi, beta, gamma, lam):
    return policy.quadratic_value(0.3, beta, gamma, pi) - lam * ((whole(pi) - LAYOUT.uniform) ** 2).sum()


def test_closed_form_is_the_maximum_of_the_penalised_value(model):
    beta, gamma, p, lam = model
    best = policy.closed_form(0.3, beta, gamma, p, lam, LAYOUT)
    assert best.unique
    assert best.inside
    top = payoff(best.pi, beta, gamma, lam)
    for step in np.random.default_rng(1).normal(0, 1e-3, (200, 5)):
        assert payoff(best.pi + step, beta, gamma, lam) < top


def test_binary_factors_give_the_published_system():
    beta, gamma, p, lam = np.array([0.1, -0.2]), np.array([[0, 0.3], [0.3, 0]]), np.array([0.5, 0.5]), 0.7
    c, b = policy.system(beta, gamma, p, lam, Layout((2, 2)))
    np.testing.assert_allclose(c, [[-4 * lam, 0.3], [0.3, -4 * lam]])
    np.testing.assert_allclose(b, -beta - 4 * lam * p)


def test_gradient_ascent_and_projection_agree_with_the_closed_form(model):
    beta, gamma, p, lam = model
    wide, square = np.zeros(LAYOUT.size), np.zeros((LAYOUT.size,) * 2)
    wide[FREE], square[np.ix_(FREE, FREE)] = beta, gamma
    best = policy.closed_form(0.0, beta, gamma, p, lam, LAYOUT)
    found = policy.ascend(wide, square, LAYOUT.uniform, lam, LAYOUT)
    np.testing.assert_allclose(found, whole(best.pi), atol=1e-6)
    main = policy.closed_form(0.0, beta, 0 * gamma, p, lam, LAYOUT)
    np.testing.assert_allclose(policy.linear_policy(wide, LAYOUT.uniform, lam, LAYOUT), whole(main.pi), atol=1e-10)


def test_kl_policy_is_the_tilted_design():
    slopes = np.random.default_rng(2).normal(0, 0.1, LAYOUT.size)
    tilted = LAYOUT.softmax(np.log(LAYOUT.uniform) + slopes / 0.2)
    found = policy.ascend(slopes, np.zeros((LAYOUT.size,) * 2), LAYOUT.uniform, 0.2, LAYOUT, penalty="kl")
    np.testing.assert_allclose(found, tilted, atol=1e-5)


def test_delta_method_equals_finite_differences():
    k, lam = 4, 0.8
    layout, p = Layout((2,) * k), np.full(k, 0.5)
    rng = np.random.default_rng(3)
    coef = rng.normal(0, 0.3, 1 + k + 6)
    half = rng.normal(0, 1, (11, 11))
    cov = half @ half.T / 100
    pairs = np.triu_indices(k, 1)

    def both(coef):
        a, beta, gamma = choices.unpack(coef, k)
        best = policy.closed_form(a, beta, gamma, p, lam, layout)
        return np.r_[best.pi, best.value]

    jac = np.column_stack([(both(coef + h) - both(coef - h)) / 2e-6 for h in 1e-6 * np.eye(11)])
    expected = np.sqrt(np.diag(jac @ cov @ jac.T))
    a, beta, gamma = choices.unpack(coef, k)
    best = policy.closed_form(a, beta, gamma, p, lam, layout)
    se_pi, se_value = policy.delta_method(best, beta, gamma, cov, pairs)
    np.testing.assert_allclose(np.r_[se_pi, se_value], expected, rtol=1e-6)


def test_without_enough_penalty_the_closed_form_says_so():
    gamma = np.array([[0, 3.0], [3.0, 0]])
    best = policy.closed_form(0.0, np.zeros(2), gamma, np.full(2, 0.5), 0.1, Layout((2, 2)))
    assert not best.unique
    wide = policy.closed_form(0.0, np.array([2.0, 0.0]), 0 * gamma, np.full(2, 0.5), 0.1, Layout((2, 2)))
    assert wide.unique
    assert not wide.inside


def test_substitutes_mislead_the_amce():
    x, y, beta, gamma = design.substitutes(20_000, np.random.default_rng(4))
    effects = regress(np.column_stack([np.ones(len(x)), x]), y)[0][1:]
    np.testing.assert_allclose(effects[:2], 0.05, atol=0.03)
    both, one = np.array([1.0, 1, 1, 0]), np.array([1.0, 0, 1, 0])
    assert policy.quadratic_value(0, beta, gamma, one) > policy.quadratic_value(0, beta, gamma, both) + 0.15


def test_average_case_design_has_an_interior_optimum():
    truth = design.average_case(5, np.random.default_rng(5))
    assert (truth.pi > 0.15).all()
    assert (truth.pi < 0.85).all()
    x = np.stack(np.meshgrid(*[[0.0, 1.0]] * 5)).reshape(5, -1).T
    y = x @ truth.beta + np.einsum("ni,ij,nj->n", x, truth.gamma, x) / 2
    fitted = np.column_stack([np.ones(32), x])
    residual = y - fitted @ np.linalg.lstsq(fitted, y, rcond=None)[0]
    assert 1 - residual.var() / y.var() == pytest.approx(0.75, abs=1e-6)


def test_estimates_are_near_the_truth_and_need_enough_rows():
    truth = design.average_case(5, np.random.default_rng(5))
    pi, se, value, se_value, inside = design.estimate_average(truth, 20_000, 1.0, np.random.default_rng(6))
    assert (np.abs(pi - truth.pi) < 4 * se).all()
    assert abs(value - truth.value) < 4 * se_value
    assert inside
    with pytest.raises(ValueError, match="n must exceed the 16 coefficients"):
        design.estimate_average(truth, 16, 1.0, np.random.default_rng(6))


def test_one_standard_error_rule():
    shares = np.array([[0.70, 0.69, 0.60], [0.66, 0.67, 0.58], [0.74, 0.71, 0.62]])
    index, mean, se = policy.choose_penalty([0.01, 0.02, 0.5], shares)
    assert index == 1
    np.testing.assert_allclose(mean, shares.mean(0))
    assert se[0] == pytest.approx(0.04 / np.sqrt(3))


def test_log_probability_and_its_floor():
    profile = LAYOUT.argmax(np.array([1.0, 0, 0, 1, 0, 0, 0, 1]))
    assert policy.log_probability(LAYOUT.uniform, profile, LAYOUT) == pytest.approx(-np.log(18))
    other = np.array([0.0, 1, 0, 1, 0, 0, 0, 1])
    assert policy.log_probability(other, profile, LAYOUT) == pytest.approx(np.log(1e-3))


def test_bad_penalties_are_named(model):
    beta, gamma, p, _ = model
    with pytest.raises(ValueError, match="lam must be positive, got 0"):
        policy.closed_form(0.0, beta, gamma, p, 0, LAYOUT)
    with pytest.raises(ValueError, match="penalty must be l2 or kl"):
        policy.ascend(np.zeros(8), np.zeros((8, 8)), LAYOUT.uniform, 1.0, LAYOUT, penalty="l1")
