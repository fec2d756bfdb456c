"""Page ``robust_high_dim``: three kernels against skglm, scikit-learn, KDEpy and statsmodels.

One process, one thread; the numbers are compared before the time. FFT-KDE information must take a tenth of kNN's time.
"""

import time

import numpy as np
import pytest
from paperlab.methods.high_dimensional import mutual_information, penalized, robust_mixed, simulate
from paperlab.methods.high_dimensional.penalties import Penalty

MARK = 10.0
LAM = 0.1


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def regression():
    d = simulate.draw_design(500, 0.5, 5, rng=np.random.default_rng(2021))
    return np.asfortranarray(d.x), (d.y - d.y.mean()) / d.y.std()


def peer_fit(x, y, tol=1e-8):
    from skglm import GeneralizedLinearEstimator, penalties
    from skglm.datafits import Quadratic
    from skglm.solvers import AndersonCD

    solver = AndersonCD(tol=tol, fit_intercept=False)
    return GeneralizedLinearEstimator(Quadratic(), penalties.MCPenalty(LAM, 3.0), solver).fit(x, y).coef_


GROUP = "MCP at one lambda (n = 500, p = 2,050)"


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("method", ["AG", "coordinate descent"])
def test_path_end(benchmark, regression, method):
    x, y = regression
    lambdas = np.geomspace(np.abs(x.T @ y).max() / 500, LAM, 10)
    benchmark.extra_info.update(role="ours", label=f"{method}, ten warm starts", agreement="objective to 1e-6")
    path = benchmark.pedantic(
        penalized.solution_path, args=(x, y, lambdas, "MCP", method), kwargs={"tol": 1e-7}, rounds=3, warmup_rounds=1
    )
    reached = penalized.objective(x, y, path.coef[-1], Penalty("MCP", LAM))
    polished = penalized.descend(x, y, [("AG", Penalty("MCP", LAM))], 500, start=peer_fit(x, y))
    assert polished.objective[0, -1] == pytest.approx(polished.objective[0, 0], abs=1e-6)
    assert reached <= polished.objective[0, 0] + 1e-6


@pytest.mark.benchmark(group=GROUP)
def test_peer_skglm(benchmark, regression):
    benchmark.extra_info.update(role="peer", label="skglm AndersonCD, cold start", agreement="objective to 1e-6")
    benchmark.pedantic(peer_fit, args=regression, rounds=3, warmup_rounds=1)


@pytest.fixture(scope="module")
def screening():
    rng = np.random.default_rng(2021)
    x = simulate.draw_covariates(1000, 300, 0.5, rng=rng)
    return x, simulate.draw_outcome(x, 10, "square", 3.0, rng=rng).y


INFORMATION = "mutual information with 300 covariates (n = 1,000)"


@pytest.mark.benchmark(group=INFORMATION)
def test_fft_kde(benchmark, screening):
    benchmark.extra_info.update(role="ours", label="FFT KDE, grid 100, Sheather-Jones", agreement="density to 1e-12")
    benchmark.pedantic(mutual_information.fft_kde, args=screening, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=INFORMATION)
def test_peer_knn(benchmark, screening):
    from sklearn.feature_selection import mutual_info_regression

    benchmark.extra_info.update(role="peer", label="scikit-learn, 3 nearest neighbours", agreement="rank corr. > 0.5")
    knn = benchmark.pedantic(
        mutual_info_regression, args=screening, kwargs={"random_state": 0}, rounds=2, warmup_rounds=1
    )
    strong = knn > 0.03
    assert np.corrcoef(knn[strong], mutual_information.fft_kde(*screening)[strong])[0, 1] > 0.5


@pytest.mark.benchmark(group=INFORMATION)
def test_peer_kdepy(benchmark, screening):
    from KDEpy import FFTKDE
    from KDEpy.bw_selection import silvermans_rule  # its rule "ISJ" has a fault

    x, y = screening
    v = y / silvermans_rule(y[:, None])

    def peer():
        out = []
        for column in x[:, :30].T:
            u = column / silvermans_rule(column[:, None])
            ends = [np.linspace(w.min() - 2.2461, w.max() + 2.2461, 100) for w in (u, v)]
            points = np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 2)
            mass = FFTKDE(kernel="epa", bw=1.0).fit(np.c_[u, v]).evaluate(points).reshape(100, 100)
            mass /= mass.sum()
            outer = mass.sum(axis=1)[:, None] * mass.sum(axis=0)
            inside = mass > 1e-12
            out.append((mass[inside] * np.log(mass[inside] / outer[inside])).sum())
        return np.array(out)

    benchmark.extra_info.update(role="peer", label="KDEpy, a tenth of the covariates", agreement="1e-4")
    ours = mutual_information.fft_kde(x[:, :30], y, bandwidth="silverman")
    assert np.allclose(benchmark.pedantic(peer, rounds=1), ours, atol=1e-4)


MIXED = "Gaussian mixed model with random intercept (40 clusters of 5)"


@pytest.fixture(scope="module")
def clusters():
    c = simulate.draw_clusters(40, 5, [1.0, 1.0, -1.0, 0.5, 2.0], rng=np.random.default_rng(2021))
    return c.x, c.y, c.groups


@pytest.mark.benchmark(group=MIXED)
def test_mixed_model(benchmark, clusters):
    benchmark.extra_info.update(role="ours", label="proximal conjugate gradients", agreement="coefficients to 1e-3")
    assert benchmark.pedantic(robust_mixed.fit, args=clusters, rounds=10, warmup_rounds=1).converged


@pytest.mark.benchmark(group=MIXED)
def test_peer_mixedlm(benchmark, clusters):
    from statsmodels.api import MixedLM

    x, y, groups = clusters
    benchmark.extra_info.update(role="peer", label="statsmodels MixedLM", agreement="coefficients to 1e-3")
    peer = benchmark.pedantic(lambda: MixedLM(y, x, groups).fit(reml=False), rounds=5, warmup_rounds=1)
    assert np.allclose(peer.fe_params, robust_mixed.fit(x, y, groups).coef, atol=1e-3)


def test_fft_kde_is_ten_times_faster_than_knn(screening):
    from sklearn.feature_selection import mutual_info_regression

    def seconds(function, repeats):
        function()
        spent = []
        for _ in range(repeats):
            start = time.perf_counter()
            function()
            spent.append(time.perf_counter() - start)
        return np.median(spent)

    ours = seconds(lambda: mutual_information.fft_kde(*screening), 5)
    knn = seconds(lambda: mutual_info_regression(*screening, random_state=0), 2)
    print(f"\nFFT KDE {ours:.3f} s, kNN {knn:.3f} s, ratio {knn / ours:.1f}")
    assert knn > MARK * ours
