"""Many studies: a large effect is always seen, none hardly ever, and streams decide everything."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders import ad_study, power
from paperlab.methods.recommenders.ad_study import Design

TRAITS = ad_study._standard(np.random.default_rng(0).standard_normal((500, 5)))
SMALL = {"n_users": 60, "n_categories": 8}


def repeat(n, seed=1, **kind):
    options = {key: kind.pop(key) for key in ("short", "click_from", "n_permutations") if key in kind}
    streams = np.random.SeedSequence(seed).spawn(n)
    return power.repeat(TRAITS, Design(**SMALL, **kind), streams, ridge=60.0, **options)


def test_a_large_effect_is_always_seen():
    found = repeat(12, share=0.3, click_from=4, n_permutations=19)
    assert power.wins(found) == power.wins(found, "relative_") == 1
    assert (found.auc_traits > found.auc_placebo).all() and (found.p == 0.05).all() and (found.links_holm > 0).all()


def test_no_effect_is_rarely_seen_and_costs():
    found = repeat(60, share=0.0)
    assert power.wins(found) < 0.35 and found.rmse_traits.mean() > found.rmse_items.mean()
    assert found.rmse_traits.mean() == pytest.approx(found.rmse_placebo.mean(), abs=0.01)
    assert found.links.mean() == pytest.approx(0.05 * 5 * 8, abs=1.2)


def test_the_full_questionnaire_as_the_short_one_changes_nothing():
    found = repeat(4, share=0.1, short=TRAITS)
    assert (found.rmse_short == found.rmse_traits).all() and (found.rmse_short_placebo == found.rmse_placebo).all()


def test_options_do_not_change_the_studies():
    plain, more = repeat(4, share=0.1), repeat(4, share=0.1, click_from=4, n_permutations=5)
    pd.testing.assert_frame_equal(plain, more[plain.columns])


def test_a_study_depends_on_its_stream_alone():
    pd.testing.assert_frame_equal(repeat(2, share=0.1), repeat(5, share=0.1).iloc[:2])


def test_known_ratings_have_a_row_per_study():
    found = power.repeat_known(
        TRAITS, Design(**SMALL, share=0.1), np.random.SeedSequence(2).spawn(3), [0, 30], ridge=60.0
    )
    assert {name: table.shape for name, table in found.items()} == dict.fromkeys(
        ("without", "traits", "placebo"), (3, 2)
    )
    assert (found["without"][:, 1] < found["without"][:, 0]).all()
