"""Made-up shops: complements without fixed points, exact texts without noise, rules that are shared or not."""

import numpy as np
import pytest
from paperlab.methods.recommenders.shopping_worlds import draw_language, draw_shop, one_cycle, pooled

RNG = np.random.default_rng


def shop(shared=1.0, seed=0, **sizes):
    language = draw_language(rng=RNG(0))
    return language, draw_shop(language, **{"n_items": 120, "n_users": 400} | sizes, shared=shared, rng=RNG(seed))


@pytest.mark.parametrize("n", [2, 3, 10, 24])
def test_a_cycle_visits_everything_once_before_it_returns(n):
    to, at, seen = one_cycle(n, rng=RNG(1)), 0, []
    for _ in range(n):
        seen.append(at)
        at = to[at]
    assert sorted(seen) == list(range(n)) and at == 0


def test_without_noise_a_text_is_the_vectors_of_its_words():
    language, made = shop(noise=0.0)
    assert made.vectors == pytest.approx(language.vectors[np.arange(4), made.words].reshape(120, -1))


def test_noise_has_the_given_size():
    language, made = shop(noise=0.3)
    left = made.vectors - language.vectors[np.arange(4), made.words].reshape(120, -1)
    assert left.std() == pytest.approx(0.3, rel=0.05)


def test_nobody_buys_a_product_twice_and_histories_have_one_length():
    _, made = shop(length=12)
    assert (made.table.lengths == 12).all()
    assert all(len(set(made.table.of(user).tolist())) == 12 for user in range(400))


def follows(made, to):
    """How often the next product has word ``to[aspect, word]``, by aspect, and how often any product has it."""
    items = made.table.items.reshape(made.table.n_users, -1)
    words, after = made.words[items[:, :-1]], made.words[items[:, 1:]]
    wanted = to[np.arange(4), words]
    share = np.stack([(made.words[:, a] == wanted[..., a, None]).mean(2) for a in range(4)], -1)
    return (after == wanted).mean((0, 1)), share.mean((0, 1))


def test_words_are_kept_or_moved_to_their_complement_where_the_rule_is_shared():
    language, made = shop(n_users=1500)
    same = np.broadcast_to(np.arange(24), (4, 24))
    for to in (same, language.complement):
        found, chance = follows(made, to)
        assert (found > 1.2 * chance).all()


def test_words_are_not_kept_where_a_shop_has_its_own_rule():
    language, made = shop(shared=0.0, n_users=1500)
    found, chance = follows(made, np.broadcast_to(np.arange(24), (4, 24)))
    assert (found < 1.05 * chance).all()


def test_popular_products_are_bought_more():
    _, made = shop()
    assert np.corrcoef(made.popularity, made.table.counts)[0, 1] > 0.5


def test_the_same_generator_gives_the_same_shop_and_another_another():
    (_, a), (_, b), (_, c) = shop(seed=1), shop(seed=1), shop(seed=2)
    assert (a.table.items == b.table.items).all() and (a.vectors == b.vectors).all()
    assert (a.table.items != c.table.items).any()


def test_pooled_shops_keep_their_histories_behind_one_another():
    tables = [shop(seed=s, n_items=n)[1].table for s, n in ((1, 120), (2, 80))]
    found = pooled(tables)
    assert found.n_items == 200 and found.n_users == 800
    assert (found.of(0) == tables[0].of(0)).all() and (found.of(400) == tables[1].of(0) + 120).all()
    assert (found.counts == np.concatenate([table.counts for table in tables])).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 120}, "length must be below n_items = 120, got 120"),
        ({"n_local": 25}, "n_local must lie in 2 to the 24 words"),
        ({"noise": -1.0}, "noise must not be negative"),
        ({"n_users": 0}, "n_users must be positive"),
    ],
)
def test_sizes_out_of_range_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        shop(**changes)


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ValueError, match=r"shared must lie in \[0, 1\], got 0.12 and 1.5"):
        shop(shared=1.5)
    with pytest.raises(ValueError, match="tables must hold at least one shop"):
        pooled([])
