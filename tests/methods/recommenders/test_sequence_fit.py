"""The training loop: best weights, early stopping, schedules, the same seed the same numbers."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from paperlab.methods.recommenders.sequence_fit import Job, Pairs, fit, fit_many
from torch import nn


class Line(nn.Module):
    """Least squares for one weight; the answer is 2."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def loss(self, batch):
        x, _ = batch
        return ((2 * x - self.weight * x) ** 2).mean()


def pairs(n=64):
    return Pairs(torch.ones(n, 1), np.arange(n), np.zeros(n, int))


def trained(judge=None, **change):
    settings = {"epochs": 30, "batch_size": 16, "learning_rate": 0.1, "schedule": "constant"} | change
    made = Line()
    return made, fit(made, pairs(), judge=judge, rng=np.random.default_rng(0), **settings)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_least_squares_are_found(schedule):
    made, found = trained(schedule=schedule)
    assert float(made.weight.detach()) == pytest.approx(2, abs=0.02)
    assert found.n_steps == 30 * 4 and found.epoch == 30 and np.isnan(found.value)
    assert len(found.looks) == 30 and found.looks[-1].loss < found.looks[0].loss


def test_the_best_look_is_kept_and_patience_ends_the_training():
    judge = lambda made: -abs(float(made.weight.detach()) - 1)  # noqa: E731 - best half-way
    made, found = trained(judge, patience=3)
    assert judge(made) == found.value == max(look.value for look in found.looks)
    assert found.looks[-1].epoch == found.epoch + 3 < 30
    _, rare = trained(judge, every=4, patience=2)
    assert [look.epoch for look in rare.looks[:3]] == [0, 4, 8]


def test_the_random_start_may_be_the_best():
    made, found = trained(lambda made: -float(made.weight.detach()), patience=2)
    assert found.epoch == 0 and float(made.weight.detach()) == 0


def test_the_same_seed_gives_the_same_course():
    one, two = (trained()[1] for _ in range(2))
    assert [look.loss for look in one.looks] == [look.loss for look in two.looks]


def test_clipping_and_decay_do_what_they_say():
    fast, slow = (trained(epochs=1, clip=clip)[0].weight.item() for clip in (None, 1e-12))
    assert fast > 0.3 and slow < 0.05
    assert trained(weight_decay=0.5)[0].weight.item() < 1.99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be positive, got 0"),
        ({"batch_size": 0}, "batch_size must be positive, got 0"),
        ({"learning_rate": -1.0}, "learning_rate must be positive, got -1"),
        ({"patience": 0}, "patience must be positive, got 0"),
        ({"clip": 0.0}, "clip must be positive, got 0"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative, got -1.0; 0 is none"),
        ({"warm_up": 1.0}, r"warm_up must lie in \[0, 1\), got 1.0"),
        ({"schedule": "linear"}, "schedule must be one of constant, cosine, got 'linear'"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        trained(**change)


def test_bad_data_and_losses_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="data must hold at least one row"):
        fit(Line(), pairs(0), epochs=1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="source and item must have one length, got 1 and 2"):
        Pairs(torch.ones(3, 1), np.zeros(1, int), np.zeros(2, int))
    with pytest.raises(ValueError, match="source must lie in 0 to 2, got 3"):
        Pairs(torch.ones(3, 1), np.array([3]), np.zeros(1, int))
    with pytest.raises(FloatingPointError, match="judge gave nan after 0 epochs"):
        trained(lambda made: np.nan)
    with pytest.raises(FloatingPointError, match="lower learning_rate = 1e"):
        trained(learning_rate=1e30)


def jobs():
    rng = np.random.default_rng(3)
    return [Job(lambda rng: Line(), each, {"learning_rate": rate}) for each, rate in zip(rng.spawn(2), (0.1, 0.001))]


def test_side_by_side_or_one_after_another_the_result_is_the_same():
    shared = {"epochs": 3, "batch_size": 16}
    with parallel_config("threading"):  # classes of a test cannot be sent to another process
        one, two = (fit_many(jobs(), pairs(), n_jobs=n, **shared) for n in (1, 2))
    both = [[float(found.model.weight.detach()) for found in each] for each in (one, two)]
    alone = []
    for job in jobs():
        made = job.make(rng=job.rng)
        fit(made, pairs(), rng=job.rng, **shared, **job.options)
        alone.append(float(made.weight.detach()))
    assert both[0] == both[1] == alone
    assert alone[0] > 10 * alone[1] > 0  # each job has its own rate


def test_jobs_say_what_is_wrong():
    with pytest.raises(ValueError, match="jobs must hold at least one job"):
        fit_many([], pairs(), epochs=1)
    with pytest.raises(ValueError, match="options must not repeat what all jobs share, got learning_rate"):
        fit_many(jobs(), pairs(), epochs=1, learning_rate=0.1)
    with pytest.raises(ValueError, match="n_jobs must be positive, got 0"):
        fit_many(jobs(), pairs(), epochs=1, n_jobs=0)
