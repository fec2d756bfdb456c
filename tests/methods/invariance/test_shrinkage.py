"""Penalties on changed predictions, norms that are met, halves that are mixed; all rivals answer."""

import numpy as np
import pytest
import scipy.optimize
from paperlab.methods.invariance import augmentation, choice, rivals, shrinkage, simulate
from paperlab.methods.invariance.augmentation import Moments


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(6, rng=rng)
    rows = design.sample(800, 1.0, rng=rng)
    basis = simulate.invariant_directions(design.f)
    moved = augmentation.translate(rows.x, basis, 1.0, rng=rng)

    def augment(x, rng):
        return augmentation.translate(x, basis, 1.0, rng=rng).gx

    return rivals.Augmented(rows.x, rows.y, moved.g, moved.gx, augment)


@pytest.fixture(scope="module")
def copies(sample):
    rng = np.random.default_rng(4)
    return np.stack([sample.augment(sample.x, rng=rng) for _ in range(3)])


def test_invariance_penalty_limits(sample, copies):
    erm = np.linalg.lstsq(sample.x, sample.y, rcond=None)[0]
    plain = shrinkage.invariance_penalty(sample.x, copies, sample.y, 0.0)
    assert plain.converged
    np.testing.assert_allclose(plain.coef, erm, atol=1e-8)
    strong = shrinkage.invariance_penalty(sample.x, copies, sample.y, 1e6, max_iter=200).coef
    assert np.abs((sample.x - copies) @ strong).max() < 0.05 * np.abs((sample.x - copies) @ erm).max()


@pytest.mark.filterwarnings("ignore:invariance_penalty has not settled")  # two copies tie at the minimum
def test_invariance_penalty_is_a_minimum(sample, copies):
    def objective(h):
        change = ((sample.x - copies) @ h) ** 2
        return np.mean((sample.y - sample.x @ h) ** 2) + 2.0 * np.mean(change.max(0))

    h = shrinkage.invariance_penalty(sample.x, copies, sample.y, 2.0, max_iter=200).coef
    best = scipy.optimize.minimize(objective, h, method="BFGS").fun
    assert objective(h) <= best * 1.01


def test_iterations_that_have_not_settled_say_so(sample, copies):
    with pytest.warns(UserWarning, match="has not settled after 3 half steps"):
        assert not shrinkage.invariance_penalty(sample.x, copies, sample.y, 2.0, max_iter=3).converged


@pytest.mark.parametrize("unit", [1e-9, 1e6])
@pytest.mark.filterwarnings("ignore:invariance_penalty has not settled")
def test_invariance_penalty_follows_the_units(sample, copies, unit):
    base = shrinkage.invariance_penalty(sample.x, copies, sample.y, 2.0).coef
    found = shrinkage.invariance_penalty(unit * sample.x, unit * copies, sample.y, 2.0).coef
    np.testing.assert_allclose(unit * found, base, rtol=1e-5)


@pytest.mark.parametrize("kind", ["ridge", "lasso"])
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e6])
def test_shrinkage_meets_its_target_norm_in_any_unit(sample, kind, unit):
    moments = Moments.of(unit * sample.x, sample.y)
    found = np.linalg.norm(shrinkage.shrink_to_norm(moments, kind))
    assert found == pytest.approx(choice.confounder_free_norm(moments), rel=0.01)


def test_ridge_shrinks_as_ridge_does(sample):
    """All ridge vectors solve (S + p I) h = c: the residual of S h = c is a multiple of -h."""
    moments = Moments.of(sample.x, sample.y)
    h = shrinkage.shrink_to_norm(moments, "ridge")
    left = (moments.xy - moments.xx @ h) / moments.n
    assert left @ h / np.linalg.norm(left) / np.linalg.norm(h) == pytest.approx(1, abs=1e-6)


def test_lasso_leaves_out_treatments_before_it_zeroes_all():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4000, 20)) * np.linspace(0.2, 2, 20)
    hidden = x[:, 0] + rng.standard_normal(4000)
    h = shrinkage.shrink_to_norm(Moments.of(x, 3 * hidden + x[:, -1]), "lasso")
    assert 0 < (h == 0).sum() < 20


def test_causal_regularisation_limits(sample):
    plain, augmented = Moments.of(sample.x, sample.y), Moments.of(sample.gx, sample.y)
    found = [shrinkage.causal_regularisation(plain, augmented, weight) for weight in (1.0, -1.0, 0.0)]
    np.testing.assert_allclose(found[0], augmentation.least_squares(augmented), rtol=1e-8)
    np.testing.assert_allclose(found[1], augmentation.least_squares(plain), rtol=1e-6)
    both = Moments.of(np.vstack([sample.x, sample.gx]), np.tile(sample.y, 2))
    np.testing.assert_allclose(found[2], augmentation.least_squares(both), rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_causal_regularisation_follows_the_units(sample, unit):
    scale = np.array([unit] + [1.0] * 5)
    base, found = (
        shrinkage.causal_regularisation(Moments.of(s * sample.x, sample.y), Moments.of(s * sample.gx, sample.y), 3.0)
        for s in (1.0, scale)
    )
    np.testing.assert_allclose(found * scale, base, rtol=1e-6)


def test_the_chosen_weight_is_one_of_those_offered(sample):
    parts = sample.x[:400], sample.y[:400], sample.gx[400:], sample.y[400:]
    found = shrinkage.choose_causal_regularisation(*parts, [0.5, 2.0, 8.0], rng=np.random.default_rng(6))
    assert found.weight in (0.5, 2.0, 8.0)
    plain, augmented = Moments.of(*parts[:2]), Moments.of(*parts[2:])
    np.testing.assert_allclose(found.coef, shrinkage.causal_regularisation(plain, augmented, found.weight))


@pytest.mark.filterwarnings("ignore:invariance_penalty has not settled")
def test_rivals_answer_for_every_sample(sample):
    found = rivals.fit_rivals([sample, sample], rng=np.random.default_rng(0), n_bits=2, n_weights=3)
    assert set(found) == {"IRM", "V-REx", "MM-REx", "DRO", "ICP", "RICE", "l1 Janzing", "l2 Janzing", "Kania-Wit"}
    assert all(h.shape == (2, 6) and np.isfinite(h).all() for h in found.values())
    np.testing.assert_allclose(found["DRO"][0], found["DRO"][1])  # nothing is drawn for it but the penalty
    np.testing.assert_allclose(found["l2 Janzing"][0], found["l2 Janzing"][1])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda s, c: shrinkage.shrink_to_norm(Moments.of(s.x, s.y), "elastic"), "choose 'ridge' or 'lasso'"),
        (lambda s, c: shrinkage.invariance_penalty(s.x, c, s.y, -1.0), r"weight must not be negative, got -1\.0"),
        (lambda s, c: shrinkage.invariance_penalty(s.x, c[0], s.y, 1.0), r"copies \(j, n, m\)"),
        (lambda s, c: shrinkage.invariance_penalty(s.x, c * np.nan, s.y, 1.0), "copies is nan in row 0"),
        (
            lambda s, c: shrinkage.invariance_penalty(s.x[:, [0, 0]], c[..., [0, 0]], s.y, 1.0),
            "x: column 1 is a linear",
        ),
        (
            lambda s, c: shrinkage.choose_causal_regularisation(s.x, s.y, s.gx, s.y, [1.0], rng=None, n_folds=1),
            "n_folds must lie between 2 and 800, got 1",
        ),
        (lambda s, c: rivals.fit_rivals([], rng=np.random.default_rng(0)), "samples is empty"),
    ],
)
def test_bad_input_is_told(sample, copies, call, words):
    with pytest.raises(ValueError, match=words):
        call(sample, copies)
