from dataclasses import replace

import numpy as np
import pytest
from paperlab.methods.recommenders.code_pieces import id_pieces, ngram_pieces
from paperlab.methods.recommenders.item_ranker import Dense, Looked, Ranker, day_by_day
from paperlab.methods.recommenders.item_slices import slice_areas
from paperlab.methods.recommenders.video_log import ClickLog, last_clicks, video_log, video_world

N_ITEMS, N_USERS = 30, 12


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(n=300, days=3, seed=0):
    draw = rng(seed)
    user, item, click = draw.integers(N_USERS, size=n), draw.integers(N_ITEMS, size=n), draw.random(n) < 0.4
    day = np.sort(draw.integers(days, size=n))
    return ClickLog(user, item, day, click, np.full(n, np.nan), last_clicks(user, item, click, 4))


CODES = rng(1).integers(0, 4, (N_ITEMS, 3))
FORMS = {
    "number": Looked(id_pieces(N_ITEMS).hashed(20, rng=0)),
    "pieces": Looked(ngram_pieces(CODES, 2).numbered()),
    "dense": Dense(rng(2).standard_normal((N_ITEMS, 6), np.float32)),
    "deep": Dense(rng(2).standard_normal((N_ITEMS, 6), np.float32), hidden=7),
}


def moved(model, seed=3):
    """All weights drawn anew, so that no part of the model is still at zero."""
    model.weights.adam.vectors[:] = 0.4 * rng(seed).standard_normal(model.weights.adam.vectors.shape)
    return model


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("n_users", "history"), [(0, True), (0, False), (N_USERS, True)])
def test_gradient_is_the_slope_of_the_loss(name, n_users, history):
    model = moved(Ranker(FORMS[name], n_users=n_users, history=history, dim=4, hidden=5, rng=rng()))
    log, rows = drawn(), np.arange(60)
    model.gradient(log, rows)
    for part, slope in model.weights.slope.items():
        if not slope.size:
            continue
        flat, at = model.weights.value[part].reshape(-1), int(np.argmax(np.abs(slope)))
        found, losses, kept = slope.reshape(-1)[at], [], flat[at]
        for step in (2e-3, -2e-3):
            flat[at] = kept + step
            part_log = log.take(rows)
            logit = model.score(part_log).astype(float)
            losses.append(np.mean(np.logaddexp(0, logit) - part_log.click * logit))
        flat[at] = kept
        assert found == pytest.approx((losses[0] - losses[1]) / 4e-3, rel=0.05, abs=5e-4), part


def test_gradient_against_torch():
    torch = pytest.importorskip("torch")
    model = moved(Ranker(FORMS["pieces"], dim=4, hidden=5, rng=rng()))
    log = drawn()
    model.gradient(log, np.arange(len(log)))
    w = {name: torch.tensor(value, requires_grad=True) for name, value in model.weights.value.items()}
    rows, offsets = FORMS["pieces"].bag.of(np.arange(N_ITEMS))
    v = torch.nn.functional.embedding_bag(rows, w["table"], offsets, mode="sum")
    padded = torch.cat([v, torch.zeros(1, 4)])
    known = torch.tensor(log.history >= 0).sum(1, keepdim=True).clamp(min=1)
    mean = padded[torch.tensor(log.history)].sum(1) / known
    query = padded[torch.tensor(log.history[:, 0])] @ w["last"] + mean @ w["mean"]
    item = v[torch.tensor(log.item)]
    x = torch.cat([query, item, query * item], 1)
    layer = torch.relu(x @ w["first"] + w["kinks"])
    logit = layer @ w["second"] + x[:, :8] @ w["linear"] + x[:, 8:].sum(1) + w["bias"]
    torch.nn.functional.binary_cross_entropy_with_logits(logit, torch.tensor(log.click).float()).backward()
    for name, value in w.items():
        if value.numel():
            np.testing.assert_allclose(model.weights.slope[name], value.grad, atol=2e-6, err_msg=name)


def test_numbers_of_items_mean_nothing():
    log, order = drawn(), rng(4).permutation(N_ITEMS)
    new = np.argsort(order)
    history = np.where(log.history >= 0, new[log.history], -1)
    scores = []
    for codes, seen in ((CODES, log), (CODES[order], replace(log, item=new[log.item], history=history))):
        model = Ranker(Looked(ngram_pieces(codes, 1).numbered()), rng=rng(5))
        scores.append(day_by_day(model, seen, rng=rng(6)).score)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def test_items_that_share_all_pieces_get_one_score():
    codes = CODES.copy()
    codes[7] = codes[3]
    model = moved(Ranker(Looked(ngram_pieces(codes, 1).numbered()), rng=rng()))
    log = drawn()
    scores = [model.score(replace(log, item=np.full(len(log), item))) for item in (3, 7, 8)]
    assert np.array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


def test_clicks_of_the_last_day_train_nothing():
    log = drawn()
    flipped = replace(log, click=np.where(log.day == 2, ~log.click, log.click))
    scores = [day_by_day(Ranker(FORMS["number"], rng=rng()), each, rng=rng(1)).score for each in (log, flipped)]
    assert np.array_equal(*scores)
    earlier = replace(log, click=np.where(log.day == 1, ~log.click, log.click))
    other = day_by_day(Ranker(FORMS["number"], rng=rng()), earlier, rng=rng(1)).score
    assert not np.array_equal(scores[0], other)


def test_last_look_is_the_auc_of_the_test_day():
    log = drawn()
    found = day_by_day(Ranker(FORMS["dense"], rng=rng()), log, rng=rng(1), looks=1)
    assert len(found.before) == 2
    today = log.click[log.day == 2]
    assert found.before[-1] == slice_areas(found.score, today, {"all": np.ones(len(today), bool)})["all"]


def test_content_ranks_new_videos_where_it_explains_all_and_numbers_do_not():
    world = video_world(800, rho=1.0, n_new=80, noise=0.1, days=(-40, 4), rng=rng(7))
    log = video_log(world, n_users=200, per_day=[6000] * 5, rng=rng(8))
    today = log.take(log.day == 4)
    slices = {"new": world.born[today.item] == 4, "old": world.born[today.item] < 4}
    content = (world.content / world.content.std()).astype(np.float32)
    areas = {}
    for name, form in {"content": Dense(content), "number": Looked(id_pieces(800).numbered())}.items():
        course = day_by_day(Ranker(form, learning_rate=0.01, rng=rng(9)), log, rng=rng(10), passes=2)
        areas[name] = slice_areas(course.score, today.click, slices)
    assert areas["content"]["new"] > 0.55
    assert abs(areas["number"]["new"] - 0.5) < 0.1  # 80 vectors at their start
    assert areas["number"]["old"] > 0.6


def test_history_helps_where_taste_decides():
    world = video_world(60, rho=0.5, n_new=1, rng=rng(11))
    world = replace(world, appeal=np.zeros(60))
    log = video_log(world, n_users=200, per_day=[6000] * 5, match=4.0, rng=rng(12))
    today, areas = log.click[log.day == 4], []
    for history in (False, True):
        model = Ranker(Looked(id_pieces(60).numbered()), history=history, learning_rate=0.01, rng=rng(13))
        score = day_by_day(model, log, rng=rng(14)).score
        areas.append(slice_areas(score, today, {"all": np.ones(len(today), bool)})["all"])
    assert areas[1] > areas[0] + 0.01 > 0.56


def test_errors():
    log = drawn()
    with pytest.raises(ValueError, match="log must hold at least two days, got 1"):
        day_by_day(Ranker(FORMS["number"], rng=rng()), log.take(log.day == 0), rng=rng())
    with pytest.raises(ValueError, match="dim must be positive, got 0"):
        Ranker(FORMS["number"], dim=0, rng=rng())
    wild = Ranker(FORMS["dense"], learning_rate=1e20, rng=rng())
    with pytest.raises(FloatingPointError, match="lower learning_rate"), np.errstate(all="ignore"):
        wild.train(log, rng=rng(), passes=5)
