"""The search: frozen it is plain training, its steps are those of the equations, dead and useless parts are handled."""

from dataclasses import replace

import numpy as np
import pytest
from paperlab.methods.recommenders import input_search
from paperlab.methods.recommenders.embedding_sizes import frequency_blocks
from paperlab.methods.recommenders.input_search import Plan
from paperlab.methods.recommenders.rating_models import FactorModel
from tiny_rows import ratings


def rng(seed=0):
    return np.random.default_rng(seed)


def parts(n=6000):
    rows = ratings(n)
    return [rows.take(part) for part in np.split(rng(9).permutation(n), [n * 7 // 10, n * 8 // 10, n * 9 // 10])]


def model_for(rows, width=6, n_blocks=4, **options):
    block = frequency_blocks(rows.counts, n_blocks)
    options = {"scale": 0.1, "learning_rate": 0.01, "intercept": 3.5, "block": block, "rng": rng(1)} | options
    return FactorModel(rows.n_features, width, **options)


COURSE = Plan(steps=60, every=20, batch_size=128)


def test_a_frozen_selection_layer_is_plain_training():
    train, alpha, select, _ = parts()
    searched, plain = model_for(train), model_for(train)
    input_search.search(searched, train, alpha, select, replace(COURSE, frozen=True), rng=rng(3))
    stream = input_search.batches(len(train), 128, rng(3).spawn(2)[0])
    losses = []
    for step in range(1, 61):
        plain.step(train, next(stream))
        losses += [plain.loss(select)] if step % 20 == 0 else []
    assert (searched.alpha == 1).all()
    if np.argmin(losses) == 2:
        np.testing.assert_array_equal(searched.table, plain.table)
    assert searched.loss(select) == pytest.approx(min(losses), rel=1e-6)


def test_every_block_moves_at_one_speed_with_normalisation():
    """A normalised row has mean absolute value 1: before any clipping each block moves by the rate on average."""
    train, alpha, _, _ = parts()
    model = model_for(train)
    model.alpha[:] = 0.5
    raw = model.gradient(alpha).alpha
    scaled = input_search.normalised(raw)
    np.testing.assert_allclose(np.abs(scaled).mean(1), 1, rtol=1e-12)
    np.testing.assert_allclose(scaled * np.abs(raw).mean(1, keepdims=True), raw, rtol=1e-5)
    assert np.abs(raw).mean(1).max() > 2 * np.abs(raw).mean(1).min()


def test_a_row_of_zeros_stays_zero_and_is_no_division_by_zero():
    with np.errstate(all="raise"):
        found = input_search.normalised([[0.0, 0.0], [2.0, -4.0]])
    np.testing.assert_array_equal(found, [[0, 0], [2 / 3, -4 / 3]])


def test_a_block_without_rows_keeps_its_selection_layer_unless_penalised():
    train, alpha, select, _ = parts()
    model = model_for(train)
    model.block[:] = 0
    model.block[0] = 3  # one user; no row of his stands in the alpha part
    other = alpha.take(~(alpha.index == 0).any(1))
    input_search.search(model, train, other, select, replace(COURSE, l1=0.0), rng=rng(3))
    assert (model.alpha[1:] == 1).all()
    penalised = input_search.search(model, train, other, select, COURSE, rng=rng(3))
    np.testing.assert_allclose(penalised.alphas[-1][1][1:], 1 - COURSE.steps * COURSE.alpha_rate, atol=1e-5)


def test_the_selection_layer_stays_in_its_bounds_and_without_the_clip_it_would_not():
    train, alpha, select, _ = parts()
    model = model_for(train)
    found = input_search.search(model, train, alpha, select, replace(COURSE, alpha_rate=0.3), rng=rng(3))
    course = np.stack([layer for _, layer in found.alphas])
    assert course.min() == 0 and course.max() == 1
    free = 1 - 0.3 * input_search.normalised(model.gradient(alpha).alpha)
    assert free.min() < 0 or free.max() > 1


def test_useless_dimensions_are_turned_off_and_useful_ones_are_not():
    """Three dimensions carry the truth, three fit nothing. Weights hardly move, so alpha must tell."""
    rows = ratings(6000, noise=0.0)
    model = model_for(rows, n_blocks=1, learning_rate=1e-9)
    draw = rng(0)
    [np.minimum(draw.exponential(size / 4, 6000), size - 1) for size in (60, 40)]
    truth = np.concatenate([draw.standard_normal((60, 3)), draw.standard_normal((40, 3))]) / np.sqrt(2)
    model.table[:, :3] = truth
    model.table[:, 3:] = rng(7).standard_normal((100, 3)) / np.sqrt(2)
    assert model.loss(rows) > 0.3
    input_search.search(model, rows, rows, rows, Plan(steps=400), rng=rng(3))
    assert model.alpha[0, :3].min() > 0.9 and model.alpha[0, 3:].max() < 0.1
    assert model.loss(rows) < 0.05


def test_second_order_equals_the_gradient_of_the_loss_after_one_step():
    """d L_alpha(W - xi grad_W L_train(W, alpha), alpha) / d alpha by finite differences, in double precision."""
    train, alpha, _, _ = parts(2000)
    model = model_for(train, n_blocks=2, width=3, scale=0.5, learning_rate=0.3, dtype=np.float64)
    model.alpha[:] = rng(4).uniform(0.3, 0.9, model.alpha.shape)
    batch, inner = np.arange(200), np.arange(150)
    found = input_search.alpha_gradient(model, train, alpha, batch, inner, second_order=True)
    first = input_search.alpha_gradient(model, train, alpha, batch, inner, second_order=False)

    def after_a_step():
        ahead = model.table - model.rate * model.gradient(train, batch).table
        return model.gradient(alpha, inner, ahead).loss

    numeric, h = np.empty_like(found), 1e-5
    for place in np.ndindex(found.shape):
        kept, sides = model.alpha[place], []
        for sign in (1, -1):
            model.alpha[place] = kept + sign * h
            sides.append(after_a_step())
        model.alpha[place] = kept
        numeric[place] = (sides[0] - sides[1]) / (2 * h)
    np.testing.assert_allclose(found, numeric, atol=1e-5)
    assert np.abs(first - numeric).max() > 20 * np.abs(found - numeric).max()


def test_a_search_with_one_seed_gives_one_result_and_keeps_the_best_look():
    train, alpha, select, _ = parts()
    found = []
    for _ in range(2):
        model = model_for(train)
        course = input_search.search(model, train, alpha, select, COURSE, rng=rng(3))
        assert model.loss(select) == pytest.approx(min(look.loss for look in course.looks[1:]), rel=1e-6)
        found.append(model.selected)
    np.testing.assert_array_equal(*found)


def test_fit_stops_after_patience_and_leaves_the_best_pass():
    train, _, select, _ = parts()
    model = model_for(train, width=20, scale=0.3, learning_rate=0.03)  # overfits at once
    course = input_search.fit(model, train, select, epochs=50, patience=2, batch_size=64, rng=rng(2))
    losses = [look.loss for look in course.looks]
    assert len(losses) - 1 - int(np.argmin(losses)) == 2 and len(losses) < 50
    assert model.loss(select) == pytest.approx(min(losses), rel=1e-6)


def test_a_training_that_explodes_says_so():
    train, _, select, _ = parts()
    model = model_for(train, learning_rate=1e18)
    with pytest.raises(FloatingPointError, match="lower the learning rate"), np.errstate(all="ignore"):
        input_search.fit(model, train, select, epochs=5, rng=rng(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"alpha_rate": 0}, "alpha_rate must be positive, got 0"), ({"l1": -1}, "l1 must not be negative, got -1"),
     ({"steps": 0}, "steps must be positive, got 0"), ({"batch_size": 0}, "batch_size must be positive, got 0")],
)  # fmt: skip
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        replace(COURSE, **options)


def test_a_search_without_rows_is_refused():
    train, alpha, select, _ = parts()
    with pytest.raises(ValueError, match="must not be empty"):
        input_search.search(model_for(train), train, alpha.take([]), select, COURSE, rng=rng())


def test_the_warm_start_is_no_result_of_the_search():
    """A start that no step can better: the best later look is kept, not the start."""
    train, alpha, select, _ = parts()
    model = model_for(train)
    input_search.fit(model, train, select, epochs=60, patience=5, batch_size=128, rng=rng(2))
    course = input_search.search(model, train, alpha, select, replace(COURSE, alpha_rate=0.05), rng=rng(3))
    assert course.looks[0].loss < min(look.loss for look in course.looks[1:])
    assert course.step > 0 and course.loss == min(look.loss for look in course.looks[1:])
