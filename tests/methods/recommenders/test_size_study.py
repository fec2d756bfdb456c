"""The study: parts do not overlap, methods get the rows that they may see, seeds give one result."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from paperlab.methods.recommenders import size_study as study
from paperlab.methods.recommenders.embedding_sizes import frequency_blocks
from paperlab.methods.recommenders.input_search import Plan
from paperlab.methods.recommenders.interactions import per_user_ratio
from tiny_interactions import pairs
from tiny_rows import clicks, ratings

SETTING = study.Setting(6, "large", 1e-4)
SHORT = Plan(steps=60, every=20, warm_epochs=3, batch_size=128, n_blocks=5)


def rng(seed=0):
    return np.random.default_rng(seed)


def numbered(n=1000):
    """Rows whose rating is their number."""
    rows = ratings(n)
    return rows.__class__(rows.index, rows.value, np.arange(n, dtype=np.float32), rows.n_features)


def test_parts_have_every_row_once_and_both_is_training_and_alpha():
    parts = study.cut(numbered(), rng=rng())
    listed = [part.target for part in (parts.train, parts.alpha, parts.select, parts.test)]
    assert [len(part) for part in listed] == [700, 100, 100, 100]
    np.testing.assert_array_equal(np.sort(np.concatenate(listed)), np.arange(1000))
    np.testing.assert_array_equal(parts.both.target, np.concatenate(listed[:2]))


def test_the_test_part_has_no_influence_on_training_or_choice():
    parts = study.cut(ratings(), rng=rng())
    broken = parts.test.__class__(parts.test.index, parts.test.value, -parts.test.target, parts.test.n_features)
    others = study.Parts(parts.train, parts.alpha, parts.select, broken, parts.both)
    for train in (partial(study.plain, epochs=3), partial(study.searched, plan=SHORT)):
        found = [train(each, SETTING, rng=rng(1)) for each in (parts, others)]
        np.testing.assert_array_equal(*(each.table(0.5) for each in found))


def reversed_targets(rows):
    """The same rows with their targets in reverse: the mean stays, the rest is another truth."""
    return rows.__class__(rows.index, rows.value, rows.target[::-1].copy(), rows.n_features)


def test_the_alpha_rows_move_the_selection_layer_and_never_the_weights():
    parts = study.cut(ratings(), rng=rng())
    other = replace(parts, alpha=reversed_targets(parts.alpha), both=reversed_targets(parts.both))
    still, moved = (
        [study.searched(each, SETTING, replace(SHORT, frozen=frozen), rng=rng(1)).model for each in (parts, other)]
        for frozen in (True, False)
    )
    np.testing.assert_array_equal(*(model.table for model in still))
    np.testing.assert_array_equal(*(model.weight for model in still))
    assert np.abs(moved[0].alpha - moved[1].alpha).max() > 0.1


def test_a_model_without_search_is_trained_on_both_and_on_nothing_else():
    parts = study.cut(ratings(), rng=rng())
    same = replace(parts, train=reversed_targets(parts.train), alpha=reversed_targets(parts.alpha))
    other = replace(parts, both=reversed_targets(parts.both))
    found, again, changed = (
        study.plain(each, SETTING, epochs=3, batch_size=128, rng=rng(1)).model.weight for each in (parts, same, other)
    )
    np.testing.assert_allclose(found, again, atol=1e-6)
    assert np.abs(found - changed).max() > 0.01


def test_blocks_of_the_search_come_from_the_training_rows():
    parts = study.cut(ratings(), rng=rng())
    found = study.searched(parts, SETTING, SHORT, rng=rng(1))
    np.testing.assert_array_equal(found.model.block, frequency_blocks(parts.train.counts, 5))


def test_pruning_harms_only_by_what_it_removes():
    parts = study.cut(ratings(), rng=rng())
    found = study.plain(parts, SETTING, rng=rng(1), batch_size=128)
    assert found.loss(parts.test) == pytest.approx(found.model.loss(parts.test), rel=1e-6)
    assert found.loss(parts.test, 0.95) > found.loss(parts.test)
    assert np.count_nonzero(found.table(0.5)) == found.table().size // 2


def test_best_is_the_least_loss_at_the_size_that_counts():
    parts = study.cut(ratings(), rng=rng())
    trained = [study.plain(parts, setting, rng=rng(1)) for setting in study.grid([2, 12], ["large"], [0.0])]
    for share in (0.0, 0.9):
        losses = [each.loss(parts.select, share) for each in trained]
        assert study.best(trained, parts.select, share) is trained[int(np.argmin(losses))]


def test_rivals_spend_at_most_the_budget():
    parts = study.cut(ratings(), rng=rng())
    rule = study.by_rule(parts, SETTING, 2.4, 0.4, n_blocks=5, epochs=2, rng=rng(1))
    lot = study.by_lot(parts, SETTING, 2.4, n_blocks=5, epochs=2, rng=rng(1))
    for found in (rule, lot):
        assert np.count_nonzero(found.table()) <= 2.4 * parts.train.n_features
        kept = np.count_nonzero(found.table(), axis=1)
        assert kept[np.argmax(parts.both.counts)] == kept.max()


def test_clicks_are_judged_by_area():
    rows = clicks(2000)
    sums = (rows.value * np.where(rows.index < 12, 1, -1)).sum(1)
    rows = rows.__class__(rows.index, rows.value, (sums > 0).astype(np.float32), rows.n_features)
    parts = study.cut(rows, rng=rng())
    found = study.plain(parts, study.Setting(4, "large", 0.0), task="logistic", epochs=60, batch_size=64, rng=rng(1))
    assert found.auc(parts.test) > 0.95
    assert found.auc(parts.test.__class__(rows.index, rows.value, rng(5).integers(2, size=2000), 25)) < 0.54


def test_the_grid_has_every_combination_once():
    points = study.grid([4, 8], ["large", "small"], [0.0, 1e-4])
    assert len(points) == len(set(points)) == 8


def bought():
    """A split of made-up purchases."""
    return per_user_ratio(pairs(40, 25, 300), rng=rng(3))


def test_drawn_items_were_not_chosen_and_pairs_are_all_there():
    split = bought()
    parts = study.implicit_parts(split, n_negatives=3, rng=rng(4))
    seen = set(zip(split.seen.users, split.seen.items, strict=True))
    for part in (parts.train, parts.alpha, parts.select, parts.test):
        told = set(map(tuple, part.index[part.target == 0] - [0, 40]))
        assert not told & seen
        assert (part.target == 0).sum() == 3 * (part.target == 1).sum()
    held = np.concatenate([part.index[part.target == 1] for part in (parts.train, parts.alpha)]) - [0, 40]
    assert sorted(map(tuple, held)) == sorted(zip(split.train.users, split.train.items, strict=True))
    assert len(parts.both) == len(parts.train) + len(parts.alpha)


def test_scoring_vectors_order_items_as_the_model_does():
    split = bought()
    parts = study.implicit_parts(split, rng=rng(4))
    found = study.plain(parts, SETTING, task="logistic", epochs=3, batch_size=64, rng=rng(5))
    users, items = study.scoring_vectors(found, 40, 0.5)
    index = np.stack([np.full(25, 7), 40 + np.arange(25)], 1)
    every = parts.test.__class__(index, np.ones((25, 2), np.float32), np.zeros(25, np.float32), 65)
    logit = found.model.predict(every, found.table(0.5))
    np.testing.assert_allclose(np.diff(users[7] @ items.T), np.diff(logit), atol=1e-5)


BAD = [
    (lambda p: study.cut(ratings(100), rng=rng(), shares=(0.7, 0.2, 0.1)), "four numbers above 0 with sum 1"),
    (lambda p: study.cut(ratings(100), rng=rng(), shares=(0.7, 0.1, 0.1, 0.2)), "sum 1"),
    (lambda p: study.cut(ratings(3), rng=rng()), "too few for four parts, got 3"),
    (lambda p: study.plain(p, study.Setting(4, "huge", 0), rng=rng()), "one of large, small, got 'huge'"),
    (lambda p: study.searched(p, SETTING, Plan(n_blocks=101), rng=rng()), "number of features, 100, got 101"),
    (lambda p: study.best([], p.select), "at least one model"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_by_name(call, message):
    parts = study.cut(ratings(), rng=rng())
    with pytest.raises(ValueError, match=message):
        call(parts)
