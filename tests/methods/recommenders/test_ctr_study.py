"""Models side by side: trained once, same splits; planted tables hold what they say; Criteo's columns are numbered."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders import ctr_study
from paperlab.methods.recommenders.ctr_models import PARTS, click_model
from paperlab.methods.recommenders.ctr_study import SETTINGS, Study, planted_tables

SETTING = {"attention": {"n_layers": 1, "size": 8}, "dropout": 0.0, "epochs": 2, "patience": 2, "batch_size": 256}


@pytest.fixture(scope="module")
def planted():
    return planted_tables([1, 2], n_rows=2000, n_fields=5, n_values=4)


def test_a_model_is_trained_once_and_a_change_makes_another_one(planted):
    fields, click, parts, _ = planted
    study = Study(fields, click, [1, 2], parts=parts, **SETTING)
    assert study.run("AutoInt") is study.run("AutoInt")
    assert study.run("AutoInt", n_layers=2) is not study.run("AutoInt")
    assert len(study.model("AutoInt", n_layers=2).parts[0].layers.weights) == 2
    assert study.run("LR").auc.shape == (2,)


def test_rates_and_splits_can_be_given(planted):
    fields, click, _, _ = planted
    slow = Study(fields, click, [1], rates={"LR": 1e-9}, **SETTING).run("LR")
    assert slow.valid_loss == pytest.approx(np.log(2), abs=1e-4)  # weights that start at zero have not moved


def test_every_model_with_settings_is_known():
    assert set(SETTINGS) <= set(PARTS)


def test_a_planted_pair_interacts_and_no_other_does():
    fields, click, parts, pairs = planted_tables([5], n_rows=200_000, n_fields=3, n_values=2, pair=3.0)
    values, pair = fields.codes - 2 * np.arange(3), tuple(pairs[0])

    def contrast(first, second):
        """Interaction in the logit: the difference of differences."""
        share = [
            click[(values[:, first] == a) & (values[:, second] == b)].mean()
            for a, b in ((0, 0), (0, 1), (1, 0), (1, 1))
        ]
        logit = np.log(np.array(share) / (1 - np.array(share)))
        return abs(logit @ [1, -1, -1, 1])

    others = [other for other in ((0, 1), (0, 2), (1, 2)) if set(other) != set(pair)]
    assert contrast(*pair) > 3 * max(contrast(*other) for other in others)
    assert parts.train.shape == (1, 160_000)


def test_planted_tables_stand_below_one_another_and_depend_on_their_own_seed(planted):
    fields, click, parts, pairs = planted
    alone = planted_tables([2], n_rows=2000, n_fields=5, n_values=4)
    assert (fields.codes[2000:] == alone[0].codes).all() and (click[2000:] == alone[1]).all()
    assert (pairs[1] == alone[3][0]).all() and pairs[1, 0] != pairs[1, 1]
    assert parts.train[0].max() < 2000 <= parts.train[1].min()


def test_criteos_columns_become_thirteen_numbers_and_26_categories():
    rng = np.random.default_rng(0)
    counts = {f"i{j}": rng.choice([np.nan, 0, 5, 100], 50) for j in range(1, 14)}
    hashed = {f"c{j}": rng.choice(["", "a", "b"], 50) for j in range(1, 27)}
    fields = ctr_study.criteo_fields(pd.DataFrame(counts | hashed))
    assert fields.n_fields == 39 and fields.numbers.shape == (50, 13) and fields.codes.shape == (50, 26)
    bare = ctr_study.without_numbers(fields)
    assert bare.n_fields == 26 and bare.n_values == fields.n_values - 13 and bare.numbers.shape == (50, 0)


def test_prediction_times_are_positive_and_one_for_each_model(planted):
    fields = planted[0]
    models = [click_model(name, fields, [0], attention={"size": 8}) for name in ("AutoInt", "CIN")]
    seconds = ctr_study.prediction_seconds(models, fields, n_rows=4096, repeats=2)
    assert seconds.shape == (2,) and np.isfinite(seconds).all() and (seconds > 0).all()


@pytest.mark.parametrize(
    ("seeds", "options", "words"),
    [
        ([], {}, "seeds must name at least one table, got none"),
        ([1], {"n_fields": 1}, "n_fields must lie in 2 to 26, got 1"),
        ([1], {"n_fields": 30}, "n_fields must lie in 2 to 26, got 30"),
        ([1], {"n_values": 1}, "n_values must be at least 2, got 1"),
        ([1], {"n_rows": 3}, "n = 3 rows leave parts"),
        ([1], {"pair": -1.0}, "must not be negative, got 0.5 and -1.0"),
    ],
)
def test_planted_tables_refuse_what_holds_no_pair(seeds, options, words):
    with pytest.raises(ValueError, match=words):
        planted_tables(seeds, **options)
