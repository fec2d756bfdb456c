import numpy as np
import pandas as pd
import pytest
from paperlab.methods.prediction import formulas
from paperlab.methods.prediction import powder_bed as bed


def test_energy_density_is_power_over_volume_rate():
    assert bed.energy_density(25, 350, 0.05, 0.075, 4) == pytest.approx(25 * 2 / (350 * 0.05 * 0.075))


@pytest.mark.parametrize("name", ["speed", "hatch", "layer"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_energy_density_names_the_row(name, value):
    values = {"speed": np.full(3, 300.0), "hatch": np.full(3, 0.05), "layer": np.full(3, 0.05)}
    values[name][1] = value
    with pytest.raises(ValueError, match=f"{name} = {value} in row 1"):
        bed.energy_density(20, **values)


def test_power_factor_has_an_optimum_between_holes_and_keyholes():
    power = np.linspace(5, 200, 300)
    value, state = bed.power_factor(power, 350, 0.05, 0.075, 3)
    assert 0 < value.argmax() < 299
    assert (np.diff(state["lack_of_fusion"]) < 0).all()
    assert (np.diff(state["keyhole"]) > 0).all()


def test_design_is_standardised_over_its_own_grid():
    x, _ = bed.draw_parts(20000, np.random.default_rng(0), 0)
    _, state = bed.power_factor(*x[["power", "speed", "hatch", "layer", "scans"]].to_numpy().T)
    for name in ("heat", "energy"):
        assert abs(state[name].mean()) < 0.03
        assert state[name].std() == pytest.approx(1, abs=0.03)


def test_sensors_see_the_process_and_noise_does_not():
    x, value = bed.draw_parts(4000, np.random.default_rng(1), 3)
    assert list(x.columns) == [*bed.PARAMETERS, *bed.SENSORS, "noise 1", "noise 2", "noise 3"]
    correlation = x.corrwith(pd.Series(value), method="spearman").abs()
    assert correlation[["noise 1", "noise 2", "noise 3"]].max() < 0.06
    assert x.corr().loc["photodiode mean", "power"] > 0.3
    with pytest.raises(ValueError, match="n = 5: draw at least 10 parts"):
        bed.draw_parts(5, np.random.default_rng(0))


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("Bi2Te3", {"Bi": 0.4, "Te": 0.6}),
        ("BiSb(Se0.92Br0.08)3", {"Bi": 0.2, "Sb": 0.2, "Se": 0.552, "Br": 0.048}),
        ("(Bi0.5Sb0.5)2(Te0.9(S0.5Se0.5)0.1)3", {"Bi": 0.2, "Sb": 0.2, "Te": 0.54, "S": 0.03, "Se": 0.03}),
        ("[Pb.5Sn.5]Te", {"Pb": 0.25, "Sn": 0.25, "Te": 0.5}),
        ("Te", {"Te": 1.0}),
    ],
)
def test_fractions(formula, expected):
    found = formulas.fractions(formula)
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "formula, words",
    [
        ("Bi2Xx3", "unknown element Xx"),
        ("Bi2(Te", "a bracket is not closed"),
        ("Bi2)Te", "nothing to belong to"),
        ("2Bi", "nothing to belong to"),
        ("Bi-Te", "from character 3 on"),
        ("", "from character 1 on"),
        ("Bi0", "add up to 0"),
    ],
)
def test_fractions_refuse(formula, words):
    with pytest.raises(ValueError, match=words):
        formulas.fractions(formula)


def test_composition_features_keep_the_rows_in_order():
    table = formulas.composition_features(["SnSe", "Bi2Te3", "SnSe"], [300, 400, 500])
    assert table["temperature"].tolist() == [300, 400, 500]
    assert table["Sn"].tolist() == [0.5, 0, 0.5]
    assert np.allclose(table.drop(columns="temperature").sum(axis=1), 1)


def test_process_features():
    row = {
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
    table = bed.process_features(pd.DataFrame([row, {**row, "material": "IN718", "density_method": "Other"}]))
    assert table["VED"].tolist() == [80.0, 80.0]
    assert table["power over speed"].tolist() == [0.4, 0.4]
    assert table["image analysis"].tolist() == [1.0, 0.0]
    assert table[["material_316L", "material_IN718"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match=r"hatch = 0\.0 in row 0"):
        bed.process_features(pd.DataFrame([{**row, "hatch_mm": 0.0}]))
