# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Thousands of covariates, fifty that matter
#
# A brain scan gives thousands of measurements for each subject, and perhaps fifty have to do with the outcome. Three things go wrong on the way to them. The lasso finds many of the fifty but shrinks them;
# penalties that do not shrink are non-convex, and fitting them is slow. Ranking the covariates one at a time by correlation is fast, but a covariate that acts through its square has no correlation. And a few
# spoilt families or scanners can move all estimates at once.
#
# The thesis of {cite:t}`yang2025robust` takes these up in three manuscripts: an accelerated gradient for SCAD and MCP {cite:p}`yang2024accelerated`, screening by mutual information from fast kernel densities
# {cite:p}`yang2024fasthdmi`, and a mixed model with power-law tails. This page re-runs one experiment of each, in three parts that can be read alone. Each part has a control that could have refuted it.
#
# *Time to read: 25 minutes. Needed: least squares, the lasso, a notion of mutual information.*

# %% [markdown]
# ## Claims
#
# Criteria were fixed before this page was run; for claims marked *pilot* a pilot had been seen. Claims c1 to c3 and c8 belong to part 1, c4 to c6 to part 2, c7 to part 3.

# %%
from paperlab import Paper, plots

paper = Paper("robust_high_dim")
paper.header()

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
seed: int = 2021  # [0, 4294967295] seed of every random generator on this page
n_seeds: int = 2  # [1, 100] data sets for each design of part 1
tau: list[float] = [0.1, 0.5, 0.9]  # [0, 0.95] correlation of neighbouring columns
N: list[int] = [200, 500]  # [100, 3000] observations
penalty: str = "SCAD"  # {SCAD, MCP, L1} penalty in the figure of part 1
lam: float = 0.2  # [0.01, 20] penalty level lambda
n_small: int = 4  # [3, 200] further data sets with N = 200 for the ratios of part 1
max_steps: int = 3000  # [500, 20000] limit of gradient steps
recovery_seeds: int = 0  # [0, 50] data sets for signal recovery; 0: full run only
p_screen: int = 200  # [100, 20000] covariates to screen
s_true: int = 10  # [5, 80] active covariates in the claims of part 2
s_values: list[int] = [10, 40]  # [5, 80] active covariates in the figure
link: str = "square"  # {linear, square, binary, binary square} outcome shuffled in the control
n_screens: int = 2  # [1, 100] data sets per design of part 2, tenfold for fast rankings
knn_inactive: int = 30  # [20, 1000] inactive covariates for the slow kNN estimator
contamination: float = 0.1  # [0, 0.3] share of spoilt clusters in the table of part 3
nu: float = 10.0  # [0.5, 1000000] degrees of freedom, q = 1 + 2 / (nu + 5)
reps: int = 40  # [5, 1000] data sets for each row of part 3
p_sparse: int = 100  # [20, 500] slopes of the sparse model
reps_sparse: int = 5  # [1, 100] data sets for the sparse model
# rule: len(tau) * len(N) <= 30  # the table of steps keeps 300 rows

# %% [markdown]
# ## Setup

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_selection import mutual_info_regression
from threadpoolctl import threadpool_limits

from paperlab.pages import records
from paperlab.methods.foundations import metrics
from paperlab.methods.high_dimensional import bandwidths, mutual_information
from paperlab.methods.high_dimensional import penalized, robust_mixed, simulate
from paperlab.methods.high_dimensional.penalties import Penalty

plots.style()
threadpool_limits(1)
# slopes are judged here; that sigma_u is 0 in some samples is no news
warnings.simplefilter("ignore", robust_mixed.BoundWarning)
BLUE, RED, GREEN, PURPLE, ORANGE, INK = plots.COLOURS
PURPOSES = ["speed", "recovery", "screening", "control", "mixed", "kinds"]
PURPOSES += ["sparse", "exercises", "small"]
sequences = np.random.SeedSequence(seed).spawn(len(PURPOSES))
streams = dict(zip(PURPOSES, map(np.random.default_rng, sequences)))

# %% [markdown]
# ## Model
#
# **Part 1** minimises, over $\beta\in\mathbb R^p$ and an intercept that is not penalised,
#
# $$\frac1{2N}\lVert y-X\beta\rVert^2+\sum_j p_\lambda(\beta_j),\qquad p_\lambda(b)=\lambda|b|+c(b).$$
#
# SCAD (shape $a=3.7$) and MCP ($\gamma=3$) equal the lasso's $\lambda|b|$ near zero and are flat far out, so large coefficients are not shrunk. The difference $c$ is concave and *smooth*: it
# can be moved to the smooth part, and what remains is a soft threshold $S$. With $L=\max(\lambda_{\max}(X^\top X)/N,\,1/(a-1))$ (for MCP $1/\gamma$) the step of Ghadimi and Lan is
#
# $$
# \begin{aligned}\bar\beta&=(1-\alpha_k)\,\beta^{ag}+\alpha_k\,\beta,\qquad g=\nabla\text{(smooth part)}(\bar\beta),\\
# \beta&\leftarrow S(\beta-\lambda_kg,\ \lambda_k\lambda),\qquad \beta^{ag}\leftarrow S(\bar\beta-\omega g,\ \omega\lambda).\end{aligned}
# $$
#
# | solver | $\alpha_k$ | safe step $\omega$ | long step $\lambda_k$ |
# |---|---|---|---|
# | AG, proposed | $2/(1+\sqrt{1+4/\alpha_{k-1}^2})$, $\alpha_0=1$ | $0.99/L$ | $\omega/\alpha_k$ |
# | AG, original | $2/(k+1)$ | $0.5/L$ | $k\omega/2$ |
# | proximal gradient | 1 | $1/L$ | $1/L$ |
#
# **Part 2** ranks covariates by $I(X_j;Y)=\iint p\log\frac{p}{p_xp_y}$. The density $p$ is a histogram on a grid, smoothed with Epanechnikov's kernel by the fast Fourier transform (*FFT-KDE*).
# Bandwidths follow Sheather and Jones in Botev's version. The score of a ranking is its AUROC: the chance that a random active covariate stands above a random inactive one.
#
# **Part 3** replaces the normal distribution of a cluster of $m$ observations by the one of largest Tsallis entropy, a multivariate Student $t$ with $\nu=2/(q-1)-m$:
#
# $$y_i\sim t_\nu(X_i\beta,\ \Sigma),\qquad\Sigma=\sigma_e^2I+\sigma_u^2\mathbf 1\mathbf 1^\top,\qquad
# -\ell_i=\tfrac12\log|\Sigma|+\tfrac{\nu+m}2\log(1+\delta_i/\nu),$$
#
# with $\delta_i$ the squared Mahalanobis distance. Its score weighs a cluster by $w_i=(\nu+m)/(\nu+\delta_i)$; $\nu\to\infty$ is the Gaussian mixed model with $w_i=1$.

# %% mystnb={"figure": {"caption": "Left: three penalties. Right: the concave part that the split moves into the smooth function. Its slope changes at most at rate 1/(a - 1) or 1/gamma, which is what the step size must respect.", "name": "robust-penalties"}, "image": {"alt": "Left, SCAD and MCP follow the absolute value near zero and level off. Right, both concave parts are zero at the origin and fall off smoothly to both sides, MCP at once, SCAD from lambda on."}} tags=["hide-input"]
b = np.linspace(-5, 5, 801)
fig, axes = plt.subplots(1, 2, figsize=(7, 2.8))
for name, style, colour in (("SCAD", "-", BLUE), ("MCP", "--", RED), ("L1", ":", INK)):
    axes[0].plot(b, Penalty(name, 1.0).value(b), style, color=colour, label=name)
    axes[1].plot(b, Penalty(name, 1.0).concave_part(b), style, color=colour)
axes[0].set(xlabel="coefficient $b$ (in $\\lambda$)", ylabel="penalty $p_\\lambda(b)$")
axes[1].set(xlabel="coefficient $b$ (in $\\lambda$)", ylabel="concave part $c(b)$")
axes[0].legend()
plt.show()

# %% [markdown]
# ## Results
#
# ### Part 1: how many gradients?
#
# The design has $p=2{,}050$ columns, fifty of them active in five blocks, from coefficients around 0.5 to coefficients around 50. One quantity counts: gradients until the objective is within $e^3\approx20$ of the best
# value that any of the three solvers finds. The objective starts in the tens of thousands, so this is a tight tolerance. A trap lies in "best": if all runs are stopped early, slow solvers look good,
# since the best value is then too high. All runs here go on until 50 steps gain less than a fortieth of the tolerance.

# %%
GAP = np.exp(3)
rows, curves = [], {}
for t in tau:
    penalties = dict.fromkeys(
        ["SCAD", penalty, *(["MCP"] if t == max(tau) else [])]
    )  # MCP where the author has numbers
    runs = [(way, Penalty(pen, lam)) for pen in penalties for way in penalized.SOLVERS]
    for n in N:
        for k in range(n_seeds):
            data = simulate.draw_design(n, t, 5.0, rng=streams["speed"])
            run = penalized.descend(
                data.x, data.y, runs, max_steps, tol=GAP / 40, dtype=np.float32
            )
            for i, pen in enumerate(penalties):
                part = run.objective[3 * i : 3 * i + 3]
                best = np.nanmin(part)
                if pen == penalty and n == N[-1] and k == 0:
                    curves[t] = part - best
                for solver, values in zip(penalized.SOLVERS, part):
                    arrived = np.flatnonzero(values <= best + GAP)
                    steps = arrived[0] if arrived.size else np.inf
                    rows.append((pen, t, n, solver, steps, np.nanmin(values) - best))
counts = pd.DataFrame(
    rows, columns=["penalty", "tau", "N", "solver", "steps", "above best"]
)
median = counts.groupby(["penalty", "tau", "N", "solver"])["steps"].median()
median = median.unstack()[list(penalized.SOLVERS)]
paper.keep("iterations", median)

# %% mystnb={"figure": {"caption": "Objective above the best value found, first data set with the largest N, weak and strong correlation. Dotted: the tolerance e^3.", "name": "robust-gap"}, "image": {"alt": "Two panels with falling curves on a logarithmic scale for three solvers. Where correlation is weak all cross the tolerance within a few dozen steps; where it is strong accelerated gradient crosses first and proximal gradient last."}} tags=["hide-input", "thumbnail"]
fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharey=True)
for ax, t in zip(axes, (tau[0], tau[-1])):
    for (solver, values), style, colour in zip(
        zip(penalized.SOLVERS, curves[t]), ("-", "--", "-."), (BLUE, RED, GREEN)
    ):
        ax.semilogy(
            np.arange(values.size),
            np.maximum(values, 1e-1),
            style,
            color=colour,
            label=solver,
        )
    ax.axhline(GAP, color=INK, ls=":", lw=1)
    ax.set(
        xlabel="gradient steps",
        title=f"{penalty}, $\\tau={t:g}$, $N={N[-1]}$",
        xlim=(0, 60 if t < 0.6 else 400),
    )
axes[0].set(ylabel="objective above the best", ylim=(1, None))
axes[1].legend()
plt.show()

# %%
PAPER_STEPS = {
    ("SCAD", 0.1): ([9, 14, 23, 26], [11, 26, 68, 93.5], [15, 23, 38, 41]),
    ("SCAD", 0.5): ([11, 18, 32, 50], [21, 38, 116, 308], [19, 30, 51, 76]),
    ("SCAD", 0.9): (
        [37, 72, 172, 432],
        [104, 362, 2012.5, np.inf],
        [60, 111, 260, 657],
    ),
    ("MCP", 0.9): (
        [31, 68, 152, 428.5],
        [82, 345, 1897.5, np.inf],
        [50, 104, 226.5, 657],
    ),
}
SIZES = [200, 500, 1000, 3000]
table = median.copy()
for solver, place in zip(penalized.SOLVERS, (0, 1, 2)):
    table[f"paper: {solver}"] = [
        PAPER_STEPS[pen, t][place][SIZES.index(n)]
        if (pen, t) in PAPER_STEPS and n in SIZES
        else np.nan
        for pen, t, n in table.index
    ]
shown = (
    table.reset_index()
    .set_index("penalty")
    .assign(tau=lambda d: d["tau"].map("{:g}".format))
)
plots.table(shown, caption="Median gradient steps (inf: never)", digits=0)

# %%
ratio = median["proximal"].replace(np.inf, max_steps) / median["AG"]
designed = lam == 0.2 and 0.9 in tau
if designed and {200, 500} <= set(N):
    strong = median.loc["SCAD", 0.9]
    paper.measure(
        c1a=strong.loc[200, "AG"],
        c1b=strong.loc[500, "AG"],
        c2a=strong.loc[500, "original"] / strong.loc[500, "AG"],
        c2b=ratio["SCAD", 0.9, 500],
    )
else:
    paper.not_tested(
        **dict.fromkeys(
            ["c1a", "c1b", "c2a", "c2b"], "needs lam 0.2, tau 0.9, N 200 and 500"
        )
    )
if designed and len(N) > 1:
    paper.measure(c3b=np.diff(ratio["SCAD", 0.9].sort_index()).min())
else:
    paper.not_tested(c3b="needs lam 0.2, tau 0.9 and two sizes N")
if lam == 0.2 and 200 in N and len(tau) > 1:
    paper.measure(c3a=np.diff(ratio["SCAD"].xs(200, level="N").sort_index()).min())
else:
    paper.not_tested(c3a="needs lam 0.2, N 200 and two values of tau")
height = counts.loc[counts.penalty == "SCAD", "above best"].max()
paper.measure(c2c=height)
paper.glue(height=height)
ratios = ratio["SCAD"].unstack("tau").rename(columns="tau {:g}".format)
plots.table(
    ratios, caption="Steps of proximal gradient for each step of AG, SCAD", digits=2
)

# %% [markdown]
# Acceleration pays where the problem is ill-conditioned. With nearly independent columns all three solvers need a few dozen steps; neighbouring correlation 0.9 stretches the spectrum, and proximal gradient, whose
# number of steps grows with the condition number, falls behind a method whose number grows with its square root. Whether the counts match the author's and whether the ratios rise in order is what c1 to c3 judge. The
# ratios at weak correlation divide two small numbers, and two data sets may not settle their order. More of them, for the two solvers concerned:

# %%
rows = []
for t in tau:
    for _ in range(n_small):
        data = simulate.draw_design(200, t, 5.0, rng=streams["small"])
        runs = [(way, Penalty("SCAD", lam)) for way in ("AG", "proximal")]
        run = penalized.descend(
            data.x, data.y, runs, max_steps, tol=GAP / 40, dtype=np.float32
        )
        steps = np.argmax(run.objective <= np.nanmin(run.objective) + GAP, axis=1)
        rows.append((f"{t:g}", *steps, steps[1] / steps[0]))
small = pd.DataFrame(rows, columns=["tau", "AG", "proximal", "ratio"]).groupby(
    "tau", sort=False
)
small = small["ratio"].describe()[["min", "25%", "50%", "75%", "max"]]
paper.keep("small", small)
plots.table(
    small,
    caption=f"Ratio proximal / AG over {n_small} further data sets, SCAD, N = 200",
    digits=2,
)

# %% [markdown]
# Where the ranges of two rows overlap as widely as their medians differ, the order of medians of two is a matter of luck, and a verdict on c3a says little. The author's medians over 100 data sets are 1.2, 1.9 and 2.8.
#
# The control asks whether the solvers arrive at the same place. Non-convex objectives have many stationary points, and each solver ends at its own; the highest end lies {glue:text}`height:.1f` above the best
# of its three, to be compared with the tolerance of 20.1. If it were above, the count would say "never" for a reason that has nothing to do with speed.
#
# **Which ingredient helps?** The proposed settings differ from the original ones in two ways, step and momentum. Crossing them separates the two, and the convex L1 penalty shows whether non-convexity plays a part.

# %%
data = simulate.draw_design(200, 0.9, 5.0, rng=streams["speed"])
VARIANTS = {
    "proposed: step 0.99/L, its own momentum": (0.99, "proposed"),
    "step 0.5/L, proposed momentum": (0.5, "proposed"),
    "step 0.99/L, original momentum": (0.99, "original"),
    "original: step 0.5/L, its own momentum": (0.5, "original"),
    "proximal gradient": (1.0, "none"),
}
crossed = {}
for pen in ("SCAD", "MCP", "L1"):
    runs = [(variant, Penalty(pen, lam)) for variant in VARIANTS.values()]
    run = penalized.descend(data.x, data.y, runs, 700, tol=GAP / 40, dtype=np.float32)
    inside = run.objective <= np.nanmin(run.objective) + GAP
    crossed[pen] = np.where(inside.any(axis=1), inside.argmax(axis=1), np.inf)
ablation = pd.DataFrame(crossed, index=pd.Index(VARIANTS, name="variant"))
paper.keep("ablation", ablation)
plots.table(
    ablation,
    caption="Steps, one data set, tau 0.9, N = 200 (inf: not within 700)",
    digits=0,
)

# %% [markdown]
# If the rows with the larger step are the shorter ones whatever the momentum, the gain over the original settings is mostly the step: $0.99/L$ against $0.5/L$ alone should save a factor of about $\sqrt2$. And if L1 shows the same
# order, the gain is the familiar one of convex acceleration, carried over.
#
# #### Selection along the path
#
# The author reports more: the path of accelerated gradient selects with far higher precision (PPV, the share of true among selected) than that of the R package `ncvreg`, at equal error. Both minimise the same function. If
# both arrive, how can they differ? The full run fits SCAD and MCP along the same 50 values of $\lambda$ with AG and with coordinate descent, chooses $\lambda$ on 1,000 fresh observations, and adds two
# candidates for an explanation: a loose tolerance, and a logarithmic grid of 100 values such as `ncvreg` takes (recalled).


# %%
def recover(rng):
    data = simulate.draw_design(1000, 0.1, 3.0, n_test=1000, rng=rng)
    centre, spread = data.y.mean(), data.y.std()
    y = (data.y - centre) / spread
    top = np.abs(data.x.T @ y).max() / 1000
    linear, logarithmic = (
        np.linspace(top, 0, 50, endpoint=False)[1:],
        np.geomspace(top, 0.05 * top, 100)[1:],
    )
    ways = {
        "AG": ("AG", linear, 1e-5),
        "coordinate descent": ("coordinate descent", linear, 1e-5),
        "AG, loose tolerance": ("AG", linear, 1e-2),
        "coordinate descent, log grid": ("coordinate descent", logarithmic, 1e-5),
    }
    for pen in ("SCAD", "MCP"):
        for way, (method, lambdas, tol) in ways.items():
            path = penalized.solution_path(
                data.x, y, lambdas, pen, method, tol=tol, max_iter=1000
            )
            beta = spread * path.coef
            chosen = beta[
                ((data.y_test - centre - beta @ data.x_test.T) ** 2)
                .sum(axis=1)
                .argmin()
            ]
            selected, true = chosen != 0, data.beta != 0
            yield {
                "penalty": pen,
                "path": way,
                "relative error": ((chosen - data.beta) ** 2).sum()
                / (data.beta**2).sum(),
                "largest error": np.abs(chosen - data.beta).max(),
                "PPV": true[selected].mean(),
                "NPV": (~true[~selected]).mean(),
                "selected": selected.sum(),
            }


if recovery_seeds:
    found = pd.DataFrame(
        [row for _ in range(recovery_seeds) for row in recover(streams["recovery"])]
    )
    recovery = found.groupby(["penalty", "path"], sort=False).mean()
    scad = recovery.loc["SCAD"]
    error_ag, error_cd = scad.loc[["AG", "coordinate descent"], "relative error"]
    paper.measure(
        c8a=scad.loc["AG", "PPV"] - scad.loc["coordinate descent", "PPV"],
        c8b=abs(error_ag / error_cd - 1),
    )
    paper.keep("recovery", recovery)
else:
    recovery = paper.record_table("recovery") if paper.record else None
    if recovery is not None:
        recovery = recovery.set_index(["penalty", "path"])
PAPER_PATHS = pd.DataFrame(
    {
        "relative error": [0.050, 0.052, np.nan, np.nan],
        "PPV": [0.681, 0.281, 0.842, 0.505],
    },
    index=pd.MultiIndex.from_product(
        [["SCAD", "MCP"], ["paper: AG", "paper: ncvreg"]], names=["penalty", "path"]
    ),
)
both = PAPER_PATHS if recovery is None else pd.concat([recovery, PAPER_PATHS])
plots.table(
    both,
    caption="Signal recovery at SNR 3, tau 0.1; from the recorded full run unless run here",
)

# %% [markdown]
# Two solvers that both converge along the same path with warm starts can only differ where they end in different minima. Rows for AG and coordinate descent that agree in every column say that they do not, and that a
# difference in precision must come from something other than the algorithm. The paper's precision for `ncvreg` is then the one to compare with ours. A loose tolerance is no explanation if it selects more columns instead of
# fewer, nor the grid of $\lambda$ if its row stays close; the author's rule for discarding columns, which does not look at discarded columns again, was not rebuilt, so the cause stays open.

# %% [markdown]
# ### Part 2: what correlation cannot see
#
# If $Y$ depends on $X_j^2$ and $X_j$ is symmetric, their correlation is zero although one almost determines the other. Mutual information is zero only under independence. The price is that it must be estimated, and noise in
# the estimate blurs the ranking. Whether it is worth it depends on the estimator; here are four.


# %%
def information(x, y, rule="isj", widths=None):
    estimator = (
        mutual_information.class_kde
        if len(np.unique(y)) == 2
        else mutual_information.fft_kde
    )
    return estimator(x, y, bandwidth=rule, widths=widths)


def bins(x, y):
    return mutual_information.binned(
        x, y, n_bins_y=2 if len(np.unique(y)) == 2 else None
    )


def knn(x, y, active):
    keep = np.r_[
        np.flatnonzero(active)[:10],
        np.flatnonzero(~active)[:: max(1, (~active).sum() // knn_inactive)],
    ]
    found = mutual_info_regression(x[:, keep], y, random_state=seed)
    return metrics.auroc(found, active[keep])


LINKS = ["linear", "square", "binary", "binary square"]
RULES = {"FFT-KDE": "isj", "faulty": "faulty isj", "Silverman": "silverman"}
rows = []
for i in range(10 * n_screens):
    x = simulate.draw_covariates(1000, p_screen, 0.5, rng=streams["screening"])
    widths = {
        rule: mutual_information.column_bandwidths(x, rule) for rule in RULES.values()
    }
    for kind in LINKS:
        for s in sorted({*s_values, s_true}):
            drawn = simulate.draw_outcome(x, s, kind, 3.0, rng=streams["screening"])
            y, active = drawn.y, drawn.active
            row = {"link": kind, "s": s, "data set": i}
            row["bins"] = metrics.auroc(bins(x, y), active)
            row["Pearson"] = metrics.auroc(mutual_information.pearson(x, y), active)
            if i < n_screens or (kind == "binary square" and s == s_true):  # for c6
                for name, rule in RULES.items():
                    found = information(x, y, rule, widths[rule])
                    row[name] = metrics.auroc(found, active)
            if i == 0 and not kind.startswith("binary"):
                row["kNN"] = knn(x, y, active)
            rows.append(row)
scores = pd.DataFrame(rows)
area = scores.drop(columns="data set").groupby(["link", "s"], sort=False).mean()
paper.keep("auroc", area)
at = area.xs(s_true, level="s")
same = (
    scores[scores["data set"] < n_screens]
    .drop(columns="data set")
    .groupby(["link", "s"], sort=False)
    .mean()
)
paired = (same["FFT-KDE"] - same["Pearson"]).xs(s_true, level="s")
paper.measure(
    c4a=paired["square"],
    c4b=at.loc["square", "Pearson"],
    c5=-paired["linear"],
    c6=at.loc["binary square", "bins"] - at.loc["binary square", "FFT-KDE"],
)

# %% mystnb={"figure": {"caption": "AUROC of four rankings against the number of active covariates, mean of the data sets (kNN: the first one, some of its covariates, continuous outcomes only). Grey, the same symbols: the author's values with cortical data and far more covariates; for binary outcomes only squared signals at s = 40.", "name": "robust-auroc"}, "image": {"alt": "Four panels. For linear signals all rankings but kNN start near one. For squared signals Pearson lies near one half and the others well above it. All fall as more covariates are active. Grey symbols lie lower."}} tags=["hide-input"]
PAPER_AREA = {
    "linear": {
        "FFT-KDE": {40: 0.827, 200: 0.583},
        "kNN": {40: 0.659, 200: 0.536},
        "Pearson": {40: 0.828, 200: 0.586},
        "bins": {40: 0.691, 200: 0.543},
    },
    "square": {
        "FFT-KDE": {40: 0.845, 80: 0.710, 200: 0.592},
        "kNN": {40: 0.650, 80: 0.584, 200: 0.534},
        "Pearson": {40: 0.538, 80: 0.521, 200: 0.505},
        "bins": {40: 0.678, 80: 0.593, 200: 0.537},
    },
    "binary square": {
        "FFT-KDE": {40: 0.498},
        "kNN": {40: 0.555},
        "Pearson": {40: 0.520},
        "bins": {40: 0.688},
    },
}
LOOK = {
    "FFT-KDE": ("o-", BLUE),
    "bins": ("s--", GREEN),
    "Pearson": ("^-.", RED),
    "kNN": ("D:", PURPLE),
}
fig, axes = plt.subplots(2, 2, figsize=(7, 4.8), sharex=True, sharey=True)
for ax, kind in zip(axes.flat, LINKS):
    for name, (style, colour) in LOOK.items():
        ax.plot(
            area.loc[kind].index,
            area.loc[kind, name],
            style,
            color=colour,
            label=name,
            ms=5,
        )
        known = PAPER_AREA.get(kind, {}).get(name, {})
        ax.plot(
            list(known),
            list(known.values()),
            style[0],
            color=plots.PAPER_GREY,
            mfc="none",
            ms=5,
        )
    ax.axhline(0.5, color=INK, lw=0.8, ls=":")
    ax.set(title=kind, xscale="log", ylim=(0.38, 1.03), xticks=[10, 20, 40, 80, 200])
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.minorticks_off()
for ax in axes[1]:
    ax.set_xlabel("active covariates $s$")
for ax in axes[:, 0]:
    ax.set_ylabel("AUROC")
axes[0, 1].legend(fontsize=8, ncol=2)
plt.show()

# %% [markdown]
# **Control.** A method that ranks well because of the covariates' shape, and not because of the outcome, would go on doing so with the outcome shuffled.

# %%
shuffled = []
for _ in range(n_screens):
    x = simulate.draw_covariates(1000, p_screen, 0.5, rng=streams["control"])
    drawn = simulate.draw_outcome(x, 40, link, 3.0, rng=streams["control"])
    y = streams["control"].permutation(drawn.y)
    shuffled.append(metrics.auroc(information(x, y), drawn.active))
paper.measure(c4c=np.mean(shuffled))
paper.glue(shuffled=np.mean(shuffled))

# %% [markdown]
# Shuffled, the area is {glue:text}`shuffled:.2f`.
#
# **The bandwidth decides more than the estimator.** Sheather and Jones' rule is made for a density on a line. In the plane, the best bandwidth falls with $n^{-1/6}$ instead of $n^{-1/5}$, and the rule's own
# noise differs from column to column, which adds noise to the ranking. Silverman's rule is cruder. A third column is the rule with a fault that a widespread package gives it. The same data:

# %%
rules = same[["FFT-KDE", "faulty", "Silverman", "bins"]]
rules.columns = ["Sheather-Jones", "with KDEpy's fault", "Silverman", "10 bins"]
paper.keep("bandwidths", rules)
plots.table(
    rules, caption="AUROC of FFT-KDE under three bandwidth rules, beside 10 bins"
)

# %% tags=["hide-input"]
c6_data = scores[(scores["link"] == "binary square") & (scores["s"] == s_true)]
c6_by_rule = {
    "Sheather-Jones": c6_data["bins"] - c6_data["FFT-KDE"],
    "with KDEpy's fault": c6_data["bins"] - c6_data["faulty"],
    "Silverman": c6_data["bins"] - c6_data["Silverman"],
}
c6_table = pd.DataFrame(
    {
        "c6": {name: d.mean() for name, d in c6_by_rule.items()},
        "standard error": {name: d.sem() for name, d in c6_by_rule.items()},
    }
).rename_axis("bandwidth")
expected = c6_table["c6"] >= 0
c6_table["verdict on c6"] = np.where(expected, "as expected", "not as expected")
paper.keep("c6", c6_table)
plots.table(c6_table, caption="Bins minus class densities, binary outcome of squares")

# %% tags=["hide-input"]
many = max(*s_values, s_true)
normal = paper.rng(1).standard_normal(2000)
paper.glue(
    h=bandwidths.improved_sheather_jones(normal),
    h_faulty=bandwidths.faulty_sheather_jones(normal),
    h_best=1.06 * 2000**-0.2,
    many=many,
    square=same.loc[("square", s_true), "FFT-KDE"],
    square_faulty=same.loc[("square", s_true), "faulty"],
    square_many=same.loc[("square", many), "FFT-KDE"],
    square_many_faulty=same.loc[("square", many), "faulty"],
    square_many_bins=same.loc[("square", many), "bins"],
    c5_many=-(same["FFT-KDE"] - same["Pearson"])["linear", many],
    c6_many=(same["bins"] - same["FFT-KDE"])["binary square", many],
    c6=c6_table.loc["Sheather-Jones", "c6"],
    c6_faulty=c6_table.loc["with KDEpy's fault", "c6"],
    c6_silverman=c6_table.loc["Silverman", "c6"],
)
gain = rules["Silverman"] - rules["Sheather-Jones"]
paper.glue(gain_many=gain.xs(many, level="s").mean())

# %% [markdown]
# A root that belongs to the grid has to be scaled by the length of the grid. KDEpy 1.1.12 scales it by the range of the data, and its bandwidths come out at about a third of the right ones (KDEpy issue 199; on 2,000 normal
# values {glue:text}`h_faulty:.3f` in place of {glue:text}`h:.3f`, where {glue:text}`h_best:.3f` is best). The author's package takes this rule from KDEpy; its default is Silverman's. Until this was noticed the page had copied the fault, and a test against KDEpy had held it in place.
#
# The fault decides c6. With it, bins rank better than class densities by {glue:text}`c6_faulty:+.3f`, and the control would come out as expected. With the rule put right the difference is {glue:text}`c6:+.3f`, with Silverman's
# {glue:text}`c6_silverman:+.3f`: the order of the two estimators was an order of their smoothing, not of the ideas behind them. The area on squares goes from {glue:text}`square_faulty:.3f` to
# {glue:text}`square:.3f` at `s_true`, and from {glue:text}`square_many_faulty:.3f` to {glue:text}`square_many:.3f` at {glue:text}`many` active covariates, where bins
# have {glue:text}`square_many_bins:.3f`. The author's order there, FFT-KDE (0.845) far above bins (0.678), needs a bandwidth that is not too narrow; Silverman's adds another {glue:text}`gain_many:+.3f` on average.
#
# **What c5 and c6 judge.** The author compares at $s=40$ and more active covariates among all vertices of a cortex (c10, c11); c5 and c6 are judged at `s_true` = 10 among `p_screen`, where all areas are near 1. At {glue:text}`many` active
# ones c5 would have the value {glue:text}`c5_many:+.3f` (the author: +0.001; the criterion allows up to 0.08) and c6 {glue:text}`c6_many:+.3f` (the author, with another routine: +0.190).
#
# One observation on the author's files: there, FFT-KDE has an area of 0.50 for *every* binary outcome, also for linear signals where Pearson has 0.74. Class-conditional densities do far better here, so
# chance level is not a property of kernel densities. Exercise 2 looks at what a routine for continuous pairs does with zeros and ones.

# %% [markdown]
# ### Part 3: spoilt clusters
#
# Forty clusters of five observations, four slopes and a random intercept. Some clusters come from a broken device: all their outcomes get extra noise of standard deviation 10, against an error of 1. The Gaussian likelihood pays for
# each squared distance in full, the power-law likelihood for its logarithm.

# %%
BETA = np.array([1.0, 1.0, -1.0, 0.5, 2.0])
MODELS = {"Gauss": np.inf, "power law": nu, "t3": 3.0}


def errors(rng, share, kind="cluster", truth=np.inf):
    out = []
    for _ in range(reps):
        clean = simulate.draw_clusters(40, 5, BETA, nu=truth, rng=rng)
        d = simulate.contaminate(clean, share, 10.0, kind=kind, rng=rng)
        fits = [robust_mixed.fit(d.x, d.y, d.groups, nu=v) for v in MODELS.values()]
        out.append([((f.coef - BETA)[1:] ** 2).mean() for f in fits])
    return np.array(out)


shares = [0.0, 0.05, 0.1, 0.2]
by_share = np.array(
    [errors(streams["mixed"], s) for s in shares]
)  # (share, repetition, model)
mse = 1000 * by_share.mean(axis=1)
paper.measure(c7a=mse[2, 0] / mse[2, 1], c7b=mse[0, 1] / mse[0, 0] - 1)

# %%
KINDS = {
    "clean": (0.0, "cluster", np.inf),
    "spoilt clusters": (contamination, "cluster", np.inf),
    "as many single outcomes": (contamination, "cell", np.inf),
    "spoilt covariates": (contamination, "leverage", np.inf),
    "clean, truly t3": (0.0, "cluster", 3.0),
}
by_kind = {name: errors(streams["kinds"], *setting) for name, setting in KINDS.items()}
kinds = pd.DataFrame(
    {name: 1000 * e.mean(axis=0) for name, e in by_kind.items()}, index=MODELS
).T
kinds["Gauss / power law"] = kinds["Gauss"] / kinds["power law"]
paper.keep("kinds", kinds.rename_axis("data"))
paper.glue(
    cells=kinds.loc["as many single outcomes", "Gauss / power law"],
    leverage=kinds.loc["spoilt covariates", "Gauss / power law"],
    q=robust_mixed.tsallis_index(nu, 5),
)
plots.table(
    kinds.rename_axis("data"),
    caption="Mean squared error of the slopes x 1000",
    digits=1,
)

# %% mystnb={"figure": {"caption": "Error of the slopes against the share of spoilt clusters; bands are two standard errors over repetitions.", "name": "robust-contamination"}, "image": {"alt": "On a logarithmic scale the Gaussian error rises steeply with the share of spoilt clusters while the two heavy-tailed models stay nearly flat."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.2))
spread = 2000 * by_share.std(axis=1) / np.sqrt(reps)
for i, (name, style, colour) in enumerate(
    zip(MODELS, ("o-", "s--", "^-."), (RED, BLUE, GREEN))
):
    label = f"power law, $\\nu={nu:g}$" if name == "power law" else name
    ax.plot(shares, mse[:, i], style, color=colour, label=label)
    ax.fill_between(
        shares,
        mse[:, i] - spread[:, i],
        mse[:, i] + spread[:, i],
        color=colour,
        alpha=0.2,
    )
ax.set(
    xlabel="share of spoilt clusters",
    ylabel="MSE of slopes x 1000",
    yscale="log",
    xticks=shares,
)
ax.legend()
plt.show()

# %% [markdown]
# With $\nu=$ `nu` the index is $q=$ {glue:text}`q:.3f`, close to 1, the Gaussian; a small departure from it is enough to bound the influence of a cluster.
#
# The table says where this stops. One scale is shared by a whole cluster, so a cluster is believed or doubted *as a whole*. Spread the same number of spoilt outcomes over all clusters and the ratio of the errors is
# {glue:text}`cells:.1f`: good observations are discarded with the bad ones in their cluster. Spoil a covariate instead of the outcome and it is {glue:text}`leverage:.1f`; a value near 1
# means that heavy tails do not help at all, because a slope that fits the spoilt covariate leaves no large residual to be doubted.
#
# **Many slopes.** The proximal step makes the same likelihood sparse: conjugate gradients on the smooth part, a soft threshold after the step. Five of `p_sparse` slopes are one, a tenth of the clusters is spoilt, and the penalty
# is chosen on fresh clean clusters.

# %%
beta_sparse = np.zeros(p_sparse + 1)
beta_sparse[1:6] = 1.0
levels = np.geomspace(0.4, 0.02, 8)
rows = []
for _ in range(reps_sparse):
    rng = streams["sparse"]
    clean = simulate.draw_clusters(40, 5, beta_sparse, rng=rng)
    d = simulate.contaminate(clean, 0.1, 10.0, rng=rng)
    new = simulate.draw_clusters(40, 5, beta_sparse, rng=rng)
    for name in ("Gauss", "power law"):
        path = [None]
        for level in levels:
            fit = robust_mixed.fit(
                d.x, d.y, d.groups, nu=MODELS[name], l1=level, start=path[-1], tol=1e-5
            )
            path.append(fit.coef)
        chosen = min(path[1:], key=lambda b: np.abs(new.y - new.x @ b).sum())
        selected = chosen[1:] != 0
        rows.append(
            {
                "model": name,
                "MSE x 1000": 1000 * ((chosen - beta_sparse)[1:] ** 2).mean(),
                "true found": selected[:5].sum(),
                "false found": selected[5:].sum(),
            }
        )
sparse = pd.DataFrame(rows).groupby("model", sort=False).mean()
paper.keep("sparse", sparse)
plots.table(
    sparse,
    caption=f"{p_sparse} slopes, 200 observations, 10 % of the clusters spoilt",
    digits=1,
)

# %% [markdown]
# ## Verdicts

# %% tags=["hide-input"]
seeds = records.load("robust_high_dim").get("stability", {}).get("claims", {})
over_seeds = seeds.get("c3a", {}).get("values") or ["(not recorded)"]
paper.glue(c3a_low=min(over_seeds), c3a_high=max(over_seeds))

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# The table says on how many of five other seeds each verdict held. One turns: c3a, whose smallest increase ran from {glue:text}`c3a_low:.2f` to {glue:text}`c3a_high:.2f` over those seeds. The table of further data
# sets in part 1 gives the reason: at weak correlation the counts are small, the objectives near the tolerance are flat, and a ratio moves by as much as the values of $\tau$ differ.
#
# In the recorded full run two verdicts of part 1 depend on its limit of 4,000 steps. Where the table below says "inf", proximal gradient has not arrived by then, as it never did in the author's files at $N=3{,}000$. Its last value is no
# minimum, so the control c2c exceeds the tolerance; and c3b counts it with 4,000 steps, a lower bound of its true ratio, which can fall below that of $N=1{,}000$. Neither verdict is evidence about the order
# of the solvers; the criteria were left as they stood.
#
# The full run also settles c8: on the same path both algorithms end in the same minima, so the advantage in precision is not reproduced. A loose tolerance and a logarithmic grid were tried as explanations and do not produce it (table in part 1).

# %% tags=["hide-input"]
recorded = paper.record_table("iterations") if paper.record else None
if recorded is not None:
    recorded = recorded[
        (recorded["penalty"] == "SCAD") & (recorded["tau"] == 0.9)
    ].drop(columns=["tau", "penalty"])
plots.table(
    median.loc["SCAD"].reset_index()
    if recorded is None
    else recorded.fillna(np.inf).set_index("N"),
    caption="Recorded full run: median steps, SCAD, tau 0.9",
    digits=0,
)

# %% [markdown]
# ## What differs
#
# - **Part 1** has the author's design, solvers and count, with two data sets (full run: three) for each design instead of 100. The limit of 5,000 steps in the author's code is 4,000 in the full run.
# - **Signal recovery** is done for one of twelve designs (SNR 3, $\tau=0.1$), with our coordinate descent in place of `ncvreg`; agreement of the minimisers with `skglm` is a test. GPU times are not repeated, and nothing is said here about the speed of `ncvreg`.
# - **Part 2** uses normal AR(1) covariates instead of cortical thickness, 300 (full run: 1,000) instead of all vertices, and 10 active ones for the claims. The grid has $100^2$ points instead of $300^2$; a test shows what that changes.
#   Only one of two binary responses is drawn.
# - **Part 3** is this book's design: only the abstract of the thesis was seen. Degrees of freedom are fixed, not estimated (exercise 3), and the proximal conjugate gradient is our reading of its name.
# - **Chosen after a pilot:** numbers of data sets and the windows at which descents stop. The pilot, run with KDEpy's fault in the paper's rule, ranked better with Silverman's bandwidths; the paper's rule was kept and later put right, and all are shown.
# - **Speed.** FFT-KDE information takes less than a tenth of the time of scikit-learn's nearest neighbours on 1,000 observations. Runs of part 1 share each pass over the data.

# %% [markdown]
# ## Exercises
#
# ```{exercise-start} The split
# :label: robust_high_dim-ex1
# ```
# Verify that SCAD is $\lambda|b|$ plus a concave function with slope $c'(b)=0$, $\mathrm{sgn}(b)(\lambda-|b|)/(a-1)$, $-\lambda\,\mathrm{sgn}(b)$ on its three pieces. What are the Lipschitz constants of $c'$ for SCAD and MCP? Which value must $L$ have, and why a maximum instead of a sum?
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} robust_high_dim-ex1
# :class: dropdown
# ```
# SCAD's slope is $\lambda$ up to $\lambda$, then $(a\lambda-b)/(a-1)$, then 0; subtracting $\lambda$ leaves the pieces above. They meet at $\lambda$ and $a\lambda$, so $c'$ is continuous with Lipschitz constant $1/(a-1)$; for MCP it is $1/\gamma$. The Hessian of the
# smooth part is $X^\top X/N$ plus a diagonal with entries in $[-1/(a-1),0]$: its eigenvalues lie between $-1/(a-1)$ and $\lambda_{\max}$, so the larger of the two absolute values bounds them.

# %%
data = simulate.draw_design(200, 0.5, 5.0, gap=50, rng=streams["exercises"])
rows = {}
for name in ("SCAD", "MCP"):
    grid = np.linspace(-4, 4, 80001)
    one = Penalty(name, 1.0)
    slope = one.concave_slope(grid)
    flip = streams["exercises"].random(data.x.shape[1]) < 0.5
    diagonal = np.where(flip, -one.concavity, 0.0)
    spectrum = np.linalg.eigvalsh(data.x.T @ data.x / 200 + np.diag(diagonal))
    rows[name] = {
        "steepest change of c'": np.abs(np.diff(slope) / np.diff(grid)).max(),
        "1/(a-1) or 1/gamma": one.concavity,
        "smallest eigenvalue": spectrum[0],
        "largest eigenvalue": spectrum[-1],
        "L": max(penalized.smoothness(data.x), one.concavity),
    }
plots.table(pd.DataFrame(rows).T.rename_axis("penalty"))

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Zeros and ones
# :label: robust_high_dim-ex2
# ```
# Give the estimator for continuous pairs an outcome of zeros and ones. What does it compute, and does the ranking survive? Propose an estimator for one discrete and one continuous variable.
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} robust_high_dim-ex2
# :class: dropdown
# ```
# A kernel in the direction of $Y$ turns two atoms into two bumps. While the bumps do not touch, the sum over the grid still gives $\sum_c\pi_c\,\mathrm{KL}(p_c\Vert p)$. When the bandwidth is of the order of the distance of the atoms they merge, and information is lost;
# a bandwidth rule for smooth densities has no sound answer for two atoms (here it falls back on Silverman's). The direct estimator needs one density for each class and no kernel in $Y$: `class_kde`.

# %%
rng = streams["exercises"]
x = simulate.draw_covariates(1000, 200, 0.5, rng=rng)
rows = []
for kind in ("binary", "binary square"):
    drawn = simulate.draw_outcome(x, 10, kind, 3.0, rng=rng)
    y, active = drawn.y, drawn.active
    for width in (0.1, 0.5, 1.0):
        jitter = y + width * rng.standard_normal(1000)
        found = mutual_information.fft_kde(x, jitter)
        rows.append(
            (kind, f"plane, y with noise {width}", metrics.auroc(found, active))
        )
    found = mutual_information.fft_kde(x, y)
    rows.append((kind, "plane, y as it is", metrics.auroc(found, active)))
    found = mutual_information.class_kde(x, y)
    rows.append((kind, "one density for each class", metrics.auroc(found, active)))
plots.table(
    pd.DataFrame(rows, columns=["outcome", "estimator", "AUROC"]).pivot_table(
        index="estimator", columns="outcome", values="AUROC", sort=False
    )
)

# %% [markdown]
# If the row "y as it is" stays far above 0.5, merging of the atoms does not explain an area of exactly chance, and one has to look for the defect elsewhere in the routine.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} How heavy are the tails? (research)
# :label: robust_high_dim-ex3
# ```
# The thesis fixes $q$. Estimate $\nu$ by its profile likelihood, with clusters of $m=2$ and of $m=5$. Does it work with two observations in a cluster?
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} robust_high_dim-ex3
# :class: dropdown
# ```
# $\nu$ shows in the spread of the Mahalanobis distances $\delta_i$: $\delta_i/m\sim F_{m,\nu}$. With $m=2$ the numerator is itself so variable that the shared scale is hard to see, and the profile is flat. Take the maximum over a grid and look at its quartiles.

# %%
grid = np.array([1.5, 2, 3, 4, 6, 10, 20, 50, np.inf])
rows = []
for m in (2, 5):
    for truth in (3.0, np.inf):
        best = []
        for _ in range(12):
            d = simulate.draw_clusters(80, m, BETA, nu=truth, rng=rng)
            fits = [robust_mixed.fit(d.x, d.y, d.groups, nu=v) for v in grid]
            best.append(grid[np.argmax([fit.log_likelihood for fit in fits])])
        rows.append(
            (
                m,
                truth,
                *np.quantile(
                    np.minimum(best, 1000), [0.25, 0.5, 0.75], method="nearest"
                ),
            )
        )
plots.table(
    pd.DataFrame(
        rows, columns=["m", "true nu", "lower quartile", "median", "upper quartile"]
    ).set_index("m"),
    caption="Profile estimate of nu, 80 clusters, 12 repetitions (1000 stands for the Gaussian limit)",
    digits=1,
)

# %% [markdown]
# Quartiles that enclose the truth for heavy tails and reach the Gaussian limit for normal data say that the profile works at that $m$; wide quartiles at $m=2$ would confirm that the tail can hardly be told from the variance there.
# A proof would have to show that the information about $\nu$ stays bounded away from zero uniformly in $\sigma_u/\sigma_e$.
# ```{solution-end}
# ```

# %% [markdown]
# ## Versions

# %%
paper.versions("numpy", "numba", "scipy", "scikit-learn")
