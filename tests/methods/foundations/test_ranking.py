"""Facts of ranking: the best list scores one, a random one k / candidates, chunks and column order change nothing."""

import numpy as np
import pytest
from paperlab.methods.foundations import ranking
from paperlab.methods.foundations.ranking import judge, paired_bootstrap, top_k
from scipy.stats import norm
from sklearn.metrics import roc_auc_score


def rows(*lists):
    return np.concatenate([[0], np.cumsum([len(one) for one in lists])]), np.concatenate(
        [np.asarray(one, int) for one in lists]
    )


@pytest.fixture
def scores():
    return np.random.default_rng(0).standard_normal((40, 300))


def test_top_k_is_a_sort(scores):
    found = top_k(lambda a, b: scores[a:b], 40, 300, 7)
    assert (found == np.argsort(-scores, axis=1)[:, :7]).all()


def test_chunks_change_nothing(scores, monkeypatch):
    whole = top_k(lambda a, b: scores[a:b], 40, 300, 5)
    monkeypatch.setattr(ranking, "CHUNK", 900)
    assert (top_k(lambda a, b: scores[a:b], 40, 300, 5) == whole).all()


def test_vectors_are_ranked_by_inner_products():
    rng = np.random.default_rng(1)
    users, items = rng.standard_normal((9, 4)), rng.standard_normal((30, 4))
    assert (top_k((users, items), 9, 30, 3) == np.argsort(-users @ items.T, axis=1)[:, :3]).all()


def test_barred_items_and_other_than_candidates_never_appear(scores):
    before = scores.copy()
    barred = rows(*[np.argsort(-row)[:2] for row in scores])
    allowed = np.arange(300) % 3 == 0
    found = top_k(lambda a, b: scores[a:b], 40, 300, 5, barred=barred, allowed=allowed)
    for user, row in enumerate(scores):
        candidates = np.setdiff1d(np.flatnonzero(allowed), barred[1][barred[0][user] : barred[0][user + 1]])
        assert (found[user] == candidates[np.argsort(-row[candidates])[:5]]).all()
    assert (scores == before).all()


def test_too_few_candidates_are_filled_with_minus_one():
    assert top_k(lambda a, b: np.zeros((b - a, 3)), 1, 3, 5, barred=rows([1])).tolist() == [[0, 2, -1, -1, -1]]


def test_ties_go_to_the_smaller_number():
    assert top_k(lambda a, b: np.ones((b - a, 6)), 2, 6, 3).tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize(
    "change, words",
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"allowed": np.ones(2, bool)}, r"allowed must have shape \(300,\)"),
        ({"barred": rows([1])}, "barred must have 40 rows, got 1"),
        ({"n_items": 299}, r"score must give shape \(40, 299\)"),
    ],
)
def test_top_k_refuses(scores, change, words):
    arguments = {"n_users": 40, "n_items": 300, "k": 5, **change}
    with pytest.raises(ValueError, match=words):
        top_k(lambda a, b: scores[a:b], **arguments)


def test_a_score_that_is_not_a_number_is_named(scores):
    scores[17, 5] = np.nan
    with pytest.raises(ValueError, match="score of user 17 is not a number"):
        top_k(lambda a, b: scores[a:b], 40, 300, 5)
    scores[17, 5], scores[3, 3] = np.inf, -np.inf
    assert top_k(lambda a, b: scores[a:b], 40, 300, 1)[17, 0] == 5


def test_vectors_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="rows of one length"):
        top_k((np.ones((2, 3)), np.ones((5, 4))), 2, 5, 1)


def test_the_best_list_scores_one_whatever_its_length():
    wanted = rows([4, 2], [], [7, 8, 9, 1, 0])
    top = np.array([[2, 4, 5], [0, 1, 2], [0, 9, 8]])
    found = judge(top, *wanted)
    assert found.users.tolist() == [0, 2]
    assert found.ndcg.tolist() == pytest.approx([1, 1]) and found.hit.tolist() == [1, 1]
    assert found.recall.tolist() == [1, 3 / 5]


def test_one_hit_at_rank_r_has_the_textbook_gain():
    for rank in range(1, 6):
        top = np.full((1, 5), 99)
        top[0, rank - 1] = 3
        assert judge(top, *rows([3])).ndcg[0] == pytest.approx(1 / np.log2(rank + 1))


def test_a_random_list_finds_k_of_n():
    """Recall at k of lists drawn by lot is k / candidates."""
    rng = np.random.default_rng(2)
    n_users, n_items, k = 4000, 50, 10
    found = top_k(lambda a, b: rng.random((b - a, n_items)), n_users, n_items, k)
    wanted = rows(*rng.integers(0, n_items, (n_users, 1)))
    recall = judge(found, *wanted).recall
    assert abs(recall.mean() - k / n_items) < 4 * np.sqrt(0.2 * 0.8 / n_users)


def test_shorter_lists_are_the_head_of_longer_ones():
    rng = np.random.default_rng(3)
    top, wanted = np.array([rng.permutation(20) for _ in range(30)]), rows(*rng.integers(0, 20, (30, 1)))
    assert (judge(top, *wanted, k=4).ndcg == judge(top[:, :4], *wanted).ndcg).all()
    assert (judge(top, *wanted, k=20).recall == 1).all()


def test_judge_refuses():
    with pytest.raises(ValueError, match="one row of items for each of 2 lists, got 1"):
        judge(np.zeros((2, 3), int), *rows([1]))
    with pytest.raises(ValueError, match="k must be between 1 and the length of the lists, 3, got 4"):
        judge(np.zeros((1, 3), int), *rows([1]), k=4)


def test_bootstrap_of_a_shift_is_the_shift():
    b = np.random.default_rng(4).random(50)
    found = paired_bootstrap(b + 0.25, b, rng=np.random.default_rng(5), n_draws=200)
    assert found.mean == pytest.approx(0.25) and found.low == pytest.approx(0.25) and found.high == pytest.approx(0.25)
    twice = paired_bootstrap(2 * b, b, rng=np.random.default_rng(5), n_draws=200)
    assert twice.ratio == pytest.approx(2) and twice.ratio_low == pytest.approx(2)


def test_bootstrap_interval_has_the_width_of_theory():
    """Of a mean of n independent differences: 2 x 1.96 s / sqrt(n)."""
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal(400), rng.standard_normal(400)
    found = paired_bootstrap(a, b, rng=rng, n_draws=4000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * (a - b).std() / 20, rel=0.08)


def test_rows_of_one_group_are_drawn_together_under_any_label():
    """The same rows twice in one group tell no more: the interval stays; drawn singly it would shrink by sqrt(2)."""
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal(200), rng.standard_normal(200)
    names = [f"person {i}" for i in range(200)]
    once = paired_bootstrap(a, b, rng=np.random.default_rng(8), n_draws=4000, groups=names)
    twice = paired_bootstrap(np.tile(a, 2), np.tile(b, 2), rng=np.random.default_rng(8), n_draws=4000, groups=names * 2)
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=1e-9)


@pytest.mark.parametrize(
    "a, b, groups, words",
    [
        ([1.0, 2], [1.0], None, "lists of one length"),
        ([1.0, np.nan], [1.0, 2], None, "a is not finite in row 1"),
        ([1.0, 2], [1.0, 2], ["x", "x"], "at least two, got 1"),
        ([1.0, 2], [1.0, 2], ["x"], "groups must have length 2, got 1"),
    ],
)
def test_bootstrap_refuses(a, b, groups, words):
    with pytest.raises(ValueError, match=words):
        paired_bootstrap(a, b, rng=np.random.default_rng(0), groups=groups)


@pytest.fixture
def tied():
    rng = np.random.default_rng(9)
    return rng.integers(0, 8, (50, 30)).astype(float), rng.random((50, 30)) < 0.3


def test_auc_rows_is_the_double_loop_and_scikit_learn(tied):
    score, positive = tied
    found = ranking.auc_rows(score, positive)
    for s, p, area in zip(score, positive, found):
        pairs = [(a > b) + (a == b) / 2 for a in s[p] for b in s[~p]]
        assert area == pytest.approx(np.mean(pairs), abs=1e-12)
        assert area == pytest.approx(roc_auc_score(p, s), abs=1e-12)


def test_auc_rows_depends_on_order_alone_and_turns_with_the_sign(tied):
    score, positive = tied
    found = ranking.auc_rows(score, positive)
    assert ranking.auc_rows(np.exp(score), positive) == pytest.approx(found, abs=1e-15)
    assert ranking.auc_rows(-score, positive) == pytest.approx(1 - found)
    assert ranking.auc_rows(score, ~positive) == pytest.approx(1 - found)
    order = np.random.default_rng(0).permutation(30)
    assert ranking.auc_rows(score[:, order], positive[:, order]) == pytest.approx(found)


def test_auc_of_one_kind_is_unknown_and_of_equal_scores_a_half():
    found = ranking.auc_rows(np.zeros((3, 4)), [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0]])
    assert np.isnan(found[:2]).all() and found[2] == 0.5


def test_auc_of_normal_scores_has_the_closed_form():
    """Scores N(d, 1) and N(0, 1): the area is Phi(d / sqrt 2)."""
    rng = np.random.default_rng(3)
    positive = np.arange(40_000) < 20_000
    score = rng.standard_normal(40_000) + positive
    assert ranking.auc_rows(score[None], positive[None])[0] == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)


@pytest.mark.parametrize(
    "score, positive, words",
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), r"must be \(n_rows, n_columns\), got \(2, 3\) and \(3, 2\)"),
        (np.zeros(3), np.zeros(3), r"must be \(n_rows, n_columns\)"),
        ([[0, np.nan]], [[0, 1]], "score is nan in row 0"),
        ([[0, 1]], [[0, 2]], "positive must be 0 or 1, got 2"),
    ],
)
def test_auc_rows_refuses(score, positive, words):
    with pytest.raises(ValueError, match=words):
        ranking.auc_rows(score, positive)
