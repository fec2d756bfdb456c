import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders.video_log import last_clicks, rating_log, video_log, video_world


def rng(seed=0):
    return np.random.default_rng(seed)


def explained(value, world):
    """Share of the variance that the finest topic explains, corrected for the number of topics."""
    node = np.ravel_multi_index(world.topic.T, (16, 12, 8))
    group = np.unique(node, return_inverse=True)[1]
    mean = np.bincount(group, value) / np.bincount(group)
    within = ((value - mean[group]) ** 2).sum() / (len(value) - group.max() - 1)
    return 1 - within / value.var()


@pytest.mark.parametrize("rho", [0.0, 0.4, 1.0])
def test_topics_explain_the_share_rho_of_appeal_and_taste(rho):
    world = video_world(40_000, rho=rho, new_topics=0, rng=rng())
    assert explained(world.appeal, world) == pytest.approx(rho, abs=0.06)
    assert np.mean([explained(each, world) for each in world.taste.T]) == pytest.approx(rho, abs=0.06)
    assert world.taste.var() == pytest.approx(1, abs=0.2)


def test_content_tells_of_taste_only_through_the_topic():
    world = video_world(20_000, rho=0.0, rng=rng(1))
    worst = max(abs(np.corrcoef(x, world.appeal)[0, 1]) for x in world.content.T)
    assert worst < 5 / np.sqrt(20_000)


def test_new_topics_have_no_old_videos_and_the_last_day_its_number():
    world = video_world(30_000, rho=0.5, new_topics=0.3, n_new=77, rng=rng(2))
    node = np.ravel_multi_index(world.topic[:, :2].T, (16, 12))
    first = np.array([world.born[node == each].min() for each in range(192)])
    assert 0.2 < np.mean(first > -22) < 0.4
    assert (world.born == 9).sum() == 77
    old = video_world(30_000, rho=0.5, new_topics=0, rng=rng(2))
    node = np.ravel_multi_index(old.topic[:, :2].T, (16, 12))
    assert max(old.born[node == each].min() for each in range(192)) < -21


def test_worlds_that_differ_in_taste_alone_have_the_same_impressions_and_other_clicks():
    logs = [
        video_log(video_world(300, rho=rho, n_new=10, rng=rng(3)), n_users=20, per_day=[500, 500], rng=rng(4))
        for rho in (0.0, 1.0)
    ]
    assert np.array_equal(logs[0].item, logs[1].item)
    assert (logs[0].click != logs[1].click).any()


def test_clicks_come_with_their_chance_and_no_video_before_its_day():
    world = video_world(2000, rho=0.4, rng=rng(5))
    log = video_log(world, n_users=300, per_day=[20_000] * 10, rng=rng(6))
    assert (world.born[log.item] <= log.day).all()
    low = log.chance < np.median(log.chance)
    for half in (low, ~low):
        assert log.click[half].mean() == pytest.approx(log.chance[half].mean(), abs=0.01)


def test_history_against_a_list_for_each_user():
    draw = rng(7)
    user, item, click = draw.integers(5, size=400), draw.integers(50, size=400), draw.random(400) < 0.4
    found, memory = last_clicks(user, item, click, 3), {u: [] for u in range(5)}
    for row in range(400):
        known = memory[user[row]][::-1][:3]
        assert found[row].tolist() == known + [-1] * (3 - len(known))
        if click[row]:
            memory[user[row]].append(item[row])


@pytest.fixture(scope="module")
def ratings():
    draw = rng(8)
    n = 5000
    return pd.DataFrame(
        {
            "user": draw.integers(40, size=n),
            "item": draw.integers(100, size=n),
            "rating": draw.integers(1, 6, n),
            "time": draw.permutation(n),
        }
    )


def test_held_out_films_are_in_no_training_and_no_history(ratings):
    log, new = rating_log(ratings, n_items=100, held_out=0.3, rng=rng(9))
    assert new.sum() == 30
    train = log.day < 9
    assert not new[log.item[train]].any()
    assert new[log.item[~train]].any()
    assert not new[log.history[log.history >= 0]].any()


def test_test_part_is_the_latest_share_of_every_user(ratings):
    log, _ = rating_log(ratings, n_items=100, test_share=0.25, rng=rng(10))
    counts = np.bincount(ratings["user"])
    assert np.array_equal(np.bincount(log.user[log.day == 9]), np.ceil(0.25 * counts))
    assert (np.diff(log.day[log.day < 9]) >= 0).all()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: video_world(10, rho=1.5, n_new=1, rng=rng()), r"rho must lie in \[0, 1\], got 1.5"),
        (lambda: video_world(10, rho=0.5, n_new=10, rng=rng()), "n_new must lie in 0 to n_items - 1 = 9, got 10"),
        (lambda: video_world(10, rho=0.5, n_new=1, days=(3, 3), rng=rng()), "days must be the first"),
        (lambda: last_clicks([0], [0, 1], [1], 2), "must have one length"),
        (lambda: last_clicks([-1], [0], [1], 2), "user must be numbered from 0, got -1"),
    ],
)
def test_errors(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_errors_of_logs(ratings):
    with pytest.raises(ValueError, match="held_out must lie between 0 and 1, got 0"):
        rating_log(ratings, n_items=100, held_out=0, rng=rng())
    late = video_world(10, rho=0.5, n_new=1, days=(2, 9), rng=rng())
    with pytest.raises(ValueError, match="world must have a video on day 0"):
        video_log(late, n_users=3, per_day=[5], rng=rng())
