"""New films: what is hidden, who is judged, areas among possible pairs, customers as means."""

import numpy as np
import pytest
from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.new_films import (
    auc_among,
    customer_points,
    each_alone,
    from_descriptions,
    hold_out,
    kind_popularity,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def table(n_users=30, n_items=20, share=0.4, seed=0):
    user, item = np.nonzero(rng(seed).random((n_users, n_items)) < share)
    return Interactions.from_pairs(user, item, n_users=n_users, n_items=n_items)


def test_no_ticket_of_a_new_film_is_left_in_training():
    stage = hold_out(table(), [3, 11], min_history=2)
    assert stage.train.counts[[3, 11]].tolist() == [0, 0]
    assert not set(stage.known) & {3, 11}
    assert np.array_equal(stage.ticket, table().matrix().toarray()[stage.users][:, [3, 11]] > 0)


def test_tickets_of_new_films_cannot_be_seen_in_training():
    stage, other = table(seed=1), table(seed=2)
    mixed = stage.matrix().toarray()
    mixed[:, [3, 11]] = other.matrix().toarray()[:, [3, 11]]
    user, item = np.nonzero(mixed)
    changed = Interactions.from_pairs(user, item, n_users=30, n_items=20)
    one, two = hold_out(stage, [3, 11], min_history=3), hold_out(changed, [3, 11], min_history=3)
    assert np.array_equal(one.train.items, two.train.items) and np.array_equal(one.train.indptr, two.train.indptr)
    assert not np.array_equal(one.ticket, two.ticket)


def test_short_histories_leave_and_count_known_films_only():
    stage = hold_out(table(), [0], min_history=8)
    assert stage.train.lengths.min() >= 8
    with pytest.raises(ValueError, match="min_history 99 leaves no customer; the longest history has"):
        hold_out(table(), [0], min_history=99)


@pytest.mark.parametrize(
    ("new", "message"),
    [([], "new must name at least one film, got none"), ([20], "numbers from 0 to 19, got 20 to 20")],
)
def test_a_wrong_list_of_new_films_is_refused(new, message):
    with pytest.raises(ValueError, match=message):
        hold_out(table(), new)


def test_a_film_that_came_after_the_last_visit_is_not_judged():
    first, last = np.zeros(20), np.full(30, 5.0)
    first[4], last[2] = 7.0, 9.0
    tickets = table()
    stage = hold_out(tickets, [4, 6], first_seen=first, last_seen=last, min_history=1)
    assert stage.possible[:, 1].all()
    assert np.flatnonzero(stage.possible[:, 0]).tolist() == np.flatnonzero(stage.users == 2).tolist()
    assert not (stage.ticket & ~stage.possible).any()


def test_area_among_possible_pairs_is_that_of_the_pairs_alone():
    draw = rng(5)
    score, possible = draw.normal(size=(40, 25)).round(1), draw.random((40, 25)) < 0.7
    ticket = (draw.random((40, 25)) < 0.3) & possible
    found = auc_among(score, ticket, possible)
    for row in range(40):
        kept = possible[row]
        if 0 < ticket[row, kept].sum() < kept.sum():
            assert found[row] == pytest.approx(auroc(score[row, kept], ticket[row, kept]), abs=1e-12)


def test_area_of_chance_of_the_truth_and_of_ties():
    ticket = rng(1).random((200, 50)) < 0.3
    everything = np.ones_like(ticket)
    assert np.nanmean(auc_among(rng(2).random((200, 50)), ticket, everything)) == pytest.approx(0.5, abs=0.02)
    assert np.nanmin(auc_among(ticket.astype(float), ticket, everything)) == 1
    assert np.nanmax(auc_among(np.zeros((200, 50)), ticket, everything)) == 0.5
    assert np.isnan(auc_among(np.zeros((1, 3)), np.array([[True, False, False]]), np.array([[True, False, False]])))[0]


def test_a_ticket_for_an_impossible_pair_is_refused():
    with pytest.raises(ValueError, match="positive_entry in row 0 is not possible"):
        auc_among(np.zeros((1, 2)), np.array([[True, False]]), np.array([[False, True]]))


def test_length_of_history_says_nothing_about_the_order_of_films_for_one_customer():
    stage = hold_out(table(), [3, 11, 12], min_history=1)
    length = np.repeat(stage.train.lengths[:, None], 20, axis=1)
    area = stage.by_customer(length)
    assert np.all(area[np.isfinite(area)] == 0.5)
    assert np.nanmean(stage.by_film(length)) != 0.5


def test_a_customer_is_the_mean_of_her_films():
    tickets, x = table(), rng(4).normal(size=(20, 6))
    points = customer_points(tickets, x)
    assert np.allclose(points[5], x[tickets.of(5)].mean(0))
    weights = rng(6).normal(size=len(tickets.items))
    own = weights[tickets.users == 5]
    assert np.allclose(customer_points(tickets, x, weights)[5], own @ x[tickets.of(5)] / np.abs(own).sum())


def test_a_customer_without_history_has_no_point():
    lonely = Interactions.from_pairs([0, 2], [1, 1], n_users=3, n_items=4)
    with pytest.raises(ValueError, match="customer 1 has no ticket, so no point"):
        customer_points(lonely, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="x must have one row for each of 4 films, got 3"):
        customer_points(lonely, np.zeros((3, 2)))


def test_ridge_rivals_against_the_normal_equations():
    stage, x = hold_out(table(), [3, 11], min_history=1), rng(8).normal(size=(20, 4))
    known = x[stage.known] - x[stage.known].mean(0)
    seen = stage.train.matrix().toarray()[:, stage.known].T
    coef = np.linalg.solve(known.T @ known + 2 * np.eye(4), known.T @ (seen - seen.mean(0)))
    exact = (x - x[stage.known].mean(0)) @ coef + seen.mean(0)
    assert np.allclose(each_alone(stage, x, 2.0), exact.T, atol=1e-5)
    popular = kind_popularity(stage, x, 2.0)
    assert np.all(popular == popular[0])
    with pytest.raises(ValueError, match="targets must have one row for each of 18 known films, got 20"):
        from_descriptions(stage, x, np.zeros(20), 1.0)


def test_a_customer_alone_does_not_look_at_others():
    tickets, x = table(), rng(8).normal(size=(20, 4))
    stage = hold_out(tickets, [3, 11], min_history=1)
    few = tickets.where(tickets.users < 12)
    again = hold_out(few, [3, 11], min_history=1)
    assert np.array_equal(stage.known, again.known)
    assert np.allclose(each_alone(stage, x, 1.0)[:12], each_alone(again, x, 1.0), atol=1e-6)


def test_both_areas_of_the_truth_are_one():
    stage = hold_out(table(), [3, 11, 12], min_history=1)
    assert stage.mean_areas(stage.ticket.astype(float)).tolist() == [1, 1]
