"""Energy over volume, a process with an optimum between holes and keyholes, sensors that see it."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.prediction import powder_bed

SETTINGS = {"power": 30.0, "speed": 300.0, "hatch": 0.05, "layer": 0.075}


def test_energy_density_is_power_over_volume_rate():
    found = powder_bed.energy_density(25, 350, 0.05, 0.075, 4)
    assert found == pytest.approx(25 * 2 / (350 * 0.05 * 0.075))
    many = powder_bed.energy_density([25.0, 50.0], 350, 0.05, 0.075)
    assert many == pytest.approx([found / 2, found])


@pytest.mark.parametrize("name", [*SETTINGS, "scans"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_energy_density_names_the_row(name, value):
    values = {key: np.full(3, number) for key, number in SETTINGS.items()} | {"scans": np.ones(3)}
    values[name][1] = value
    with pytest.raises(ValueError, match=f"{name} = {value} in row 1"):
        powder_bed.energy_density(**values)


def test_power_factor_has_an_optimum_between_holes_and_keyholes():
    made = powder_bed.power_factor(np.linspace(5, 200, 300), 350, 0.05, 0.075, 3, rng=None)
    assert 0 < made.value.argmax() < 299
    assert (np.diff(made.lack_of_fusion) < 0).all()
    assert (np.diff(made.keyhole) > 0).all()
    assert (np.diff(made.tellurium_loss) >= 0).all()


def test_the_expected_process_is_the_equation_of_the_page():
    made = powder_bed.power_factor(40, 200, 0.05, 0.075, 3, rng=None)
    pores = 0.03 + 0.28 / (1 + np.exp(2.5 * (made.energy + 0.6))) + 0.18 / (1 + np.exp(-2.5 * (made.heat - 0.9)))
    loss = 0.05 * max(0, made.heat - 0.3)
    assert made.value == pytest.approx((1 - 2.2 * loss) ** 2 * (1 - pores) ** 2.5 * (1 + 2 * loss))
    assert loss > 0


def test_scatter_has_the_expected_process_at_its_centre():
    settings = (30.0, np.full(20_000, 350.0), 0.05, 0.075, 3)
    made = powder_bed.power_factor(*settings, rng=np.random.default_rng(0))
    centre = powder_bed.power_factor(*settings, rng=None)
    dense = 0.97 - 0.28 * centre.lack_of_fusion[0] - 0.18 * centre.keyhole[0]
    more_pores = (1 - 0.01 * np.sqrt(2 / np.pi) / dense) ** 2.5  # scatter of pores is to one side
    assert made.value.mean() == pytest.approx(centre.value[0] * more_pores, rel=0.005)
    assert made.value.std() / centre.value[0] == pytest.approx(np.hypot(0.05, 2 * 0.03), rel=0.15)


def test_a_powder_that_absorbs_less_needs_more_power():
    at_home = powder_bed.power_factor(20, 350, 0.05, 0.075, 3, rng=None).value
    elsewhere = powder_bed.power_factor(25, 350, 0.05, 0.075, 3, rng=None, absorption=0.8).value
    assert elsewhere == pytest.approx(at_home)


def test_design_is_standardised_over_its_own_grid():
    x = powder_bed.draw_parts(20000, rng=np.random.default_rng(0), n_noise=0).features
    made = powder_bed.power_factor(*x[["power", "speed", "hatch", "layer", "scans"]].to_numpy().T, rng=None)
    for values in (made.heat, made.energy):
        assert abs(values.mean()) < 0.03
        assert values.std() == pytest.approx(1, abs=0.03)


def test_sensors_see_the_process_and_noise_does_not():
    drawn = powder_bed.draw_parts(4000, rng=np.random.default_rng(1), n_noise=3)
    x, value = drawn.features, drawn.values
    assert list(x.columns) == [*powder_bed.PARAMETERS, *powder_bed.SENSORS, "noise 1", "noise 2", "noise 3"]
    correlation = x.corrwith(pd.Series(value), method="spearman").abs()
    assert correlation[["noise 1", "noise 2", "noise 3"]].max() < 0.06
    assert x.corr().loc["photodiode mean", "power"] > 0.3
    np.testing.assert_allclose(x["VED"], powder_bed.energy_density(*x[list(powder_bed.PARAMETERS[:5])].to_numpy().T))


def test_sensors_rise_with_what_they_see():
    """Regressed on the process behind them, each sensor has the slopes and the scatter of its line in the design."""
    rng = np.random.default_rng(2)
    drawn = powder_bed.draw_parts(6000, rng=rng, n_noise=0).features
    made = powder_bed.power_factor(*drawn[list(powder_bed.PARAMETERS[:6])].to_numpy().T, rng=None)
    states = np.column_stack([np.ones(6000), made.heat, made.energy, made.lack_of_fusion, made.keyhole])
    expected = {
        "photodiode sd": ([0.5, 0, 0, 1], 0.4),
        "melt area mean": ([0.8, 0.3, 0, 0], 0.3),
        "melt area sd": ([0, 0, 1, 1], 0.3),
        "layer height sd": ([0, 0, 2, 1], 0.4),
    }
    for name, (slopes, scatter) in expected.items():
        coef, rest = np.linalg.lstsq(states, drawn[name], rcond=None)[:2]
        assert coef[1:] == pytest.approx(slopes, abs=0.15), name
        assert np.sqrt(rest[0] / 6000) == pytest.approx(scatter, rel=0.12), name


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: powder_bed.draw_parts(5, rng=np.random.default_rng(0)), "n = 5, n_noise = 20: draw at least 10 parts"),
        (lambda: powder_bed.draw_parts(20, rng=np.random.default_rng(0), n_noise=-1), "n_noise = -1"),
        (lambda: powder_bed.power_factor(30, 0, 0.05, 0.075, 3, rng=None), r"speed = 0\.0 in row 0"),
        (lambda: powder_bed.power_factor(30, 300, 0.05, 0.075, 3, np.nan, rng=None), "spot = nan in row 0"),
        (lambda: powder_bed.power_factor(30, 300, 0.05, 0.075, 3, rng=None, absorption=-1), r"absorption = -1\.0"),
    ],
)
def test_bad_settings_are_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()


PUBLISHED = {
    "laser_power_w": 100.0,
    "scan_speed_mm_s": 250.0,
    "hatch_mm": 0.1,
    "layer_mm": 0.05,
    "spot_mm": 0.2,
    "geometric_factor": 15.9,
    "d50_um": 40.8,
    "density_method": "Image analysis",
    "material": "316L",
    "atmosphere": "Argon",
    "geometry": "Prismatic",
}


def test_features_of_published_parts():
    other = {**PUBLISHED, "material": "IN718", "density_method": "Other"}
    table = powder_bed.process_features(pd.DataFrame([PUBLISHED, other]))
    assert table["VED"].tolist() == [80.0, 80.0]
    assert table["power over speed"].tolist() == [0.4, 0.4]
    assert table["image analysis"].tolist() == [1.0, 0.0]
    assert table[["material_316L", "material_IN718"]].to_numpy().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"hatch_mm": 0.0}, r"hatch = 0\.0 in row 1"),
        ({"d50_um": np.nan}, "d50_um is nan in row 1"),
        ({"atmosphere": None}, "atmosphere has no label in row 1"),
    ],
)
def test_published_parts_with_gaps_are_told(change, words):
    with pytest.raises(ValueError, match=words):
        powder_bed.process_features(pd.DataFrame([PUBLISHED, {**PUBLISHED, **change}]))
