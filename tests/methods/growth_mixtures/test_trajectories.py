"""Checked trajectories and parameters of classes; the loader of both data files."""

import numpy as np
import pandas as pd
import pytest
from paperlab.datasets import loaders
from paperlab.errors import PaperlabError
from paperlab.methods.growth_mixtures import simulate
from paperlab.methods.growth_mixtures.trajectories import MODELS, Trajectories


@pytest.fixture(scope="module")
def data():
    return simulate.simulate(simulate.truth(), 50, rng=np.random.default_rng(1)).data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": lambda d: d.t[:, ::-1]}, "t does not increase in row 0"),
        (
            {"y": lambda d: np.where(np.arange(500).reshape(50, 10) == 73, np.nan, d.y)},
            r"y is nan in row 7 \(index \(7, 3",
        ),
        ({"x": lambda d: np.where(np.arange(100).reshape(50, 2) == 41, np.inf, d.x)}, "x is inf in row 20"),
        ({"g": lambda d: d.g * np.nan}, "g is nan in row 0"),
        ({"x": lambda d: d.x[:-1]}, "same persons"),
        ({"w": lambda d: d.y[:, :4]}, "same persons"),
        ({"y": lambda d: d.y[0]}, "one row per person"),
    ],
)
def test_bad_trajectories(data, change, words):
    parts = {name: getattr(data, name) for name in "ytxg"}
    parts |= {name: value(data) for name, value in change.items()}
    with pytest.raises(ValueError, match=words):
        Trajectories(**parts)


def test_a_model_uses_its_covariates_only(data):
    for name, (gate, expert) in MODELS.items():
        part = data.with_model(name)
        assert (part.g.shape[1], part.x.shape[1]) == (2 * gate, 2 * expert)
        assert not part.use_w
    with pytest.raises(ValueError, match="choose one of"):
        data.with_model("everything")


def test_rows_keep_persons_together():
    data = simulate.simulate(simulate.truth(kappa=0.3), 20, rng=np.random.default_rng(1)).data
    part = data.rows([3, 7])
    assert part.use_w
    for name in "ytxgw":
        assert np.array_equal(getattr(part, name), getattr(data, name)[[3, 7]])


def test_a_vector_of_parameters_comes_back():
    p = simulate.truth(kappa=0.2)
    again = p.like(p.flat())
    assert all(np.array_equal(a, b) for a, b in zip(p, again))


def test_averaging_over_switched_labels_destroys_the_estimate():
    p = simulate.truth().ordered()
    other = p.ordered(-p.coef[:, 0, 0])
    wrong = (p.coef[:, 0, 0] + other.coef[:, 0, 0]) / 2
    assert np.ptp(wrong) < 1e-9 < 5 < np.ptp(p.coef[:, 0, 0])


def test_loader_checks_both_tables(tmp_path):
    rng = np.random.default_rng(0)
    example = pd.DataFrame(rng.random((500, 20)), columns=[f"{v}{j}" for v in "YT" for j in range(1, 11)])
    example[["gx1", "gx2", "class", "ex1", "ex2"]] = 1
    school = pd.DataFrame(rng.random((500, 27)) + 60, columns=[f"{v}{j}" for v in "RMT" for j in range(1, 10)])
    school[["INCOME", "EDU", "Attention_focus"]] = 1
    files = {"BLS_dat2.csv": tmp_path / "a.csv", "RMS_dat.csv": tmp_path / "b.csv"}
    for table, path in zip((example, school), files.values()):
        table.to_csv(path, index=False)
    assert loaders.load("moe_trajectories", files)["school"].shape == (500, 30)
    school.assign(T3=30.0).to_csv(files["RMS_dat.csv"], index=False)
    with pytest.raises(PaperlabError, match="column T3 must lie in"):
        loaders.load("moe_trajectories", files)
    example.drop(columns="class").to_csv(files["BLS_dat2.csv"], index=False)
    with pytest.raises(PaperlabError, match="columns class are missing"):
        loaders.load("moe_trajectories", files)
