"""Models of texts in another shop: catalogues can be exchanged, nothing looks ahead, chance is chance."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import zero_shot
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.quantisers import fsq_values
from paperlab.methods.recommenders.sequence_model import score_chunks
from paperlab.methods.recommenders.zero_shot import Catalogue, Question, carried, text_model, text_scores

RNG = np.random.default_rng
LEVELS = (3, 3)


def catalogue(n_items=40, seed=0):
    rng = RNG(seed)
    return Catalogue(rng.normal(size=(n_items, 8)), rng.integers(9, size=(n_items, 4)))


def histories(n_users=30, n_items=40, length=6, seed=0):
    rng = RNG(seed)
    items = np.concatenate([rng.permutation(n_items)[:length] for _ in range(n_users)])
    return Interactions(np.arange(0, n_users * length + 1, length), items, n_items)


def model(book=None, **changes):
    book = catalogue() if book is None else book
    return text_model(book, **{"size": 9, "dim": 8, "max_length": 6, "n_blocks": 1} | changes, rng=RNG(1))


def test_a_catalogue_that_is_exchanged_for_itself_changes_nothing():
    made, q = model(), Question.of(histories())
    moved = carried(made, catalogue())
    for one, other in ((made, moved), (moved, carried(moved, catalogue()))):
        states = one.last_states(q.seen)
        assert torch.equal(states, other.last_states(q.seen))
        assert torch.equal(one.head.scores(states), other.head.scores(states))


def test_the_model_that_is_carried_stays_what_it_was():
    made = model()
    before = made.tokens.codes.clone()
    moved = carried(made, catalogue(25, seed=3))
    assert moved.tokens.n_items == 25 and torch.equal(made.tokens.codes, before)
    with torch.no_grad():
        moved.tokens.weight.zero_()
    assert made.tokens.weight.abs().sum() > 0


@pytest.mark.parametrize("mask", ["hybrid", "causal"])
def test_names_of_products_do_not_matter(mask):
    """Other numbers for the same products give the same scores, in the other order."""
    book, table, order = catalogue(), histories(), RNG(5).permutation(40)
    place = np.argsort(order)
    other = Catalogue(book.vectors[order], book.codes[order])
    renamed = Interactions(table.indptr, place[table.items], 40)
    made = model(book, mask=mask)
    moved = carried(made, other)
    ours = made.head.scores(made.last_states(table)).detach()
    theirs = moved.head.scores(moved.last_states(renamed)).detach()
    assert theirs[:, place] == pytest.approx(ours, abs=1e-4)


def test_a_state_does_not_see_the_product_that_it_predicts():
    made, table = model(), histories(n_users=1)
    items = table.items.copy()
    items[-1] = np.setdiff1d(np.arange(40), items)[0]
    one, other = Question.of(table), Question.of(Interactions(table.indptr, items, 40))
    assert torch.equal(made.last_states(one.seen), made.last_states(other.seen))


def test_all_tokens_of_a_product_see_each_other_under_the_hybrid_mask_only():
    """The last letter of the last product changes the state of its first letter, or does not."""
    table = histories(n_users=1)
    for mask, sees in (("hybrid", True), ("causal", False)):
        made, book = model(mask=mask, aux=False), catalogue()
        codes = book.codes.copy()
        codes[table.items[-1], 3] = (codes[table.items[-1], 3] + 1) % 9
        changed = carried(made, Catalogue(book.vectors, codes)).last_states(table)[0, 0]
        assert bool((changed != made.last_states(table)[0, 0]).any()) is sees


def test_chance_is_what_random_scores_find():
    q = Question.of(histories(n_users=20_000))
    score = RNG(0).normal(size=(20_000, 40)).astype(np.float32)
    hit = q.hit_rate(lambda start, stop: score[start:stop], 5)
    assert hit.mean() == pytest.approx(q.by_chance(5).mean(), abs=0.01)
    assert q.by_chance(5) == pytest.approx(5 / 35)


def test_products_of_one_code_are_ordered_by_their_text():
    vectors = np.ones((4, 8))
    vectors[2] = -1
    book = Catalogue(vectors, np.array([[0, 1, 2, 3], [4, 4, 4, 4], [0, 1, 2, 3], [0, 1, 2, 3]]))
    q = Question(Interactions(np.array([0, 1]), np.array([1]), 4), Interactions(np.array([0, 1]), np.array([3]), 4))
    made = model(book)
    plain = text_scores(made, book, q, ties=False)(0, 1)[0]
    tied = text_scores(made, book, q)(0, 1)[0]
    assert plain[0] == plain[2] == plain[3]
    assert tied[0] == tied[3] > tied[2]
    assert (np.sign(plain - plain[1]) == np.sign(tied - tied[1]))[[0, 2, 3]].all()


def test_without_a_trie_the_product_of_the_written_code_is_first_where_there_is_one():
    """A catalogue of all codes has every string that can be written."""
    letters = np.stack(np.meshgrid(*[np.arange(9)] * 2), -1).reshape(-1, 2)
    book = Catalogue(RNG(0).normal(size=(81, 8)), letters)
    made, q = model(book), Question.of(histories(n_items=81))
    score, real = zero_shot.free_scores(made, q, LEVELS)
    best = score(0, q.seen.n_users).argmax(1)
    assert real == 1
    assert (letters[best] == made.head.greedy(made.last_states(q.seen))).all()
    gap = fsq_values(letters[best], LEVELS)
    assert score(0, 30).max(1) == pytest.approx((gap.reshape(30, -1) ** 2).sum(1))


def test_the_nearest_text_is_the_product_itself_in_any_unit():
    vectors = RNG(0).normal(size=(12, 5))
    found = zero_shot.neighbour_scores(vectors, np.arange(12))(0, 12)
    assert (found.argmax(1) == np.arange(12)).all() and found.max() == pytest.approx(1)
    assert zero_shot.neighbour_scores(1e6 * vectors, np.arange(12))(0, 12) == pytest.approx(found, abs=1e-5)


def test_without_weights_the_loss_is_the_logarithm_of_the_number_of_letters():
    made = model()
    with torch.no_grad():
        made.tokens.weight.zero_()
    assert zero_shot.heldout_loss(made, histories(), 6) == pytest.approx(np.log(9), rel=1e-5)


def test_a_few_people_teach_a_cycle():
    """Everybody walks around the same ring of twelve products."""
    start = np.arange(60)[:, None] % 12
    items = ((start + np.arange(8)) % 12).ravel()
    table = Interactions(np.arange(0, 481, 8), items, 12)
    options = {"dim": 16, "max_length": 8, "n_blocks": 1, "epochs": 40, "learning_rate": 0.01, "dropout": 0.0}
    made = zero_shot.few_shot(table, rng=RNG(0), **options)
    q = Question.of(table)
    assert q.hit_rate(score_chunks(made.head, made.last_states(q.seen)), 1).mean() > 0.9


def test_people_who_buy_again_are_left_out_of_fresh_questions():
    table = Interactions(np.array([0, 3, 6]), np.array([1, 2, 1, 1, 2, 3]), 4)
    found = Question.of(table).fresh()
    assert found.seen.n_users == 1 and found.wanted.items.tolist() == [3] and found.last.tolist() == [2]


def test_cut_histories_keep_their_end():
    q = Question.of(histories())
    short = q.cut(3, rng=RNG(0))
    assert set(short.seen.lengths.tolist()) == {1, 2, 3} and (short.last == q.last).all()


def test_letters_by_lot_leave_texts_and_number_of_letters():
    dealt = catalogue(2000).with_lots(9, rng=RNG(0))
    assert (dealt.vectors == catalogue(2000).vectors).all()
    assert np.bincount(dealt.codes[:, 0], minlength=9).min() > 150
    both = zero_shot.joined([catalogue(10), catalogue(5)])
    assert both.codes.shape == (15, 4) and both.chunks().shape == (15, 4, 2)


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="two items or more of each user, got 1 of user 1"):
        Question.of(Interactions(np.array([0, 2, 3]), np.array([0, 1, 2]), 3))
    with pytest.raises(ValueError, match="most must be at least 1, got 0"):
        Question.of(histories()).cut(0, rng=RNG(0))
    with pytest.raises(ValueError, match="codes must have letters below"):
        carried(model(), Catalogue(np.zeros((3, 8)), np.full((3, 4), 9)))
    with pytest.raises(ValueError, match="vectors is nan in row 1"):
        Catalogue.of([[0.0, 0.0], [np.nan, 0.0]], None)
