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
# # What an untried dose will do
#
# A drug was given at doses from 1 to 5. What would a dose of 8 do? A regression of the outcome on the dose is silent about 8, however flexible it is: the curve may go anywhere.
# Yet there may be something to go on. The dose acts through a hidden state, patients differ in that state for reasons of their own, and some patients at dose 5 are by chance in the state that the average patient would reach at dose 8. *They show what such a state does to the outcome.*
# If the state were seen, and if the dose moved it linearly, the curve could be continued.
#
# But the state is not seen. There is an image, an expression profile, some non-linear mixture of it. {cite:t}`saengkyongam2024identifying` ask whether the state can be recovered well enough from the mixture, without ever
# having been observed. Their answer is a constraint on a representation: besides allowing reconstruction it must depend on the actions *linearly on average*. Before, linear identification of a hidden variable was a goal in itself; here it
# is exactly as much as extrapolation needs. This page builds the method, takes away one ingredient at a time, and breaks the two assumptions on which the promise rests.
#
# Time to read: 25 minutes.

# %% [markdown]
# ## Claims
#
# No number of the paper was seen: only the abstract is known to us, and the plan of its experiments is recalled. The claims are therefore about order and size in worlds of the paper's form, with criteria fixed before this page was run; for claims marked *pilot* a pilot had been seen.

# %%
from paperlab import Paper, plots

paper = Paper("intervention_extrapolation")
paper.header()

# %% [markdown]
# ## Parameters
#
# `v_support` and `action_effect` break an assumption in the main experiment; the claims c1 to c8 are then not tested, as they speak about worlds in which the assumptions hold.

# %% tags=["parameters"]
seed: int = 0  # [0, 4294967295] seed of every random generator on this page
n: int = 1000  # [300, 5000] units in a data set
d: int = 1  # [1, 4] dimension of the hidden state and of the actions
alpha: float = 1.5  # [0.3, 4] strength of the actions: how far a unit of action moves the state, in s.d. of its noise
lam: float = 10.0  # [0, 1000] penalty on departures from linear invariance
v_support: str = "gaussian"  # {gaussian, uniform} noise of the state: normal, or uniform on (-0.5, 0.5)
action_effect: str = "linear"  # {linear, quadratic} how actions move the state
a_max_test: float = 2.0  # [1.1, 3] largest action asked for; tried were actions between -1 and 1
reps: int = 5  # [2, 50] worlds, each with a mechanism, a data set and networks of its own
steps: int = 500  # [50, 5000] training steps of the autoencoders
trap_lam: float = 1000.0  # [0, 100000] penalty in the ablation without standardised code
quadratic_reps: int = 3  # [2, 50] worlds of the control with quadratic actions, at most reps
trap_reps: int = 1  # [1, 50] worlds of that ablation
sweep_dims: list[int] = []  # [1, 4] dimensions of the sweep; empty: the recorded sweep is shown
sweep_alphas: list[float] = []  # [0.3, 4] strengths of the sweep
sweep_lams: list[float] = []  # [0, 1000] penalties of the sweep
sweep_reps: int = 5  # [2, 50] worlds in each cell of the sweep
large_n: int = 0  # [0, 20000] units in a repetition with more data; 0: the recorded one is shown
large_reps: int = 10  # [2, 50] worlds of that repetition, at most reps
surface_reps: int = 0  # [0, 20] worlds with two actions and a surface to extrapolate; 0: the recorded one is shown
# rule: large_n == 0 or large_n >= 300  # as n
# rule: bool(sweep_dims) == bool(sweep_alphas) == bool(sweep_lams)  # all three or none

# %% [markdown]
# ## Setup

# %%
import itertools
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from scipy.stats import spearmanr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from threadpoolctl import threadpool_limits

from paperlab.pages import records
from paperlab.methods.representation import control_function, extrapolation
from paperlab.methods.representation import simulate_actions

plots.style()
torch.set_num_threads(1)  # many small products: threads would wait for each other
threadpool_limits(1)
BLUE, RED, GREEN, PURPLE, ORANGE, INK = plots.COLOURS
root = np.random.SeedSequence(seed)
oracle_seeds, world_seeds = root.spawn(20), root.spawn(max(reps, sweep_reps, surface_reps, trap_reps))
net_seeds = [int(s) * 2 for s in root.generate_state(len(world_seeds)) // 4]  # each network pair uses s and s + 1



def build(seeds, size=n, **design):
    """Worlds and data sets of one design; the same seed gives the same mechanism and the same noise in every design."""
    worlds, samples = [], []
    for one in seeds:
        rng = np.random.default_rng(one)
        options = {"d": d, "alpha": alpha, **design}
        worlds.append(simulate_actions.draw_world(rng=rng, **options))
        samples.append(worlds[-1].sample(size, rng=rng))
    return worlds, samples


# %% [markdown]
# ## Model
#
# Actions $A\in\mathbb R^k$ move a hidden state $Z\in\mathbb R^d$; seen are a mixture $X\in\mathbb R^m$ and an outcome $Y$:
#
# $$Z=M_0A+V,\qquad X=g_0(Z),\qquad Y=\ell(Z)+U .$$
#
# $A$ is independent of $(U,V)$, but $U$ and $V$ may depend on each other: whatever makes a patient's state high may act on the outcome by another way too. $g_0$ is injective and non-linear, $M_0$ has full row rank (hence $k\ge d$), and $V$ has
# **full support**: every state occurs at every action, if rarely. Wanted is $\mathbb E[Y\mid do(A=a^*)]$ for $a^*$ outside the range that was tried.
#
# **If $Z$ were seen.** Least squares of $Z$ on $A$ gives $V$. Then $\mathbb E[Y\mid Z,V]=\ell(Z)+\lambda(V)$ with $\lambda(v)=\mathbb E[U\mid V=v]$, an *additive* regression: the residual $V$ enters as a **control function** and absorbs the
# confounding. Because $V$ has full support, $\ell$ is seen at all states, up to a constant, and
#
# $$\mathbb E[Y\mid do(A=a^*)]=\mathbb E_V\big[\ell(M_0a^*+V)\big]+\mathbb E[\lambda(V)].$$
#
# Nothing changes if $Z$ is replaced by $HZ+c$ with an invertible $H$. So $Z$ up to an affine map is enough.
#
# **Finding $Z$ up to an affine map.** Take an encoder $\varphi$ and decoder $\psi$ with $\psi(\varphi(X))=X$, and demand **linear invariance**:
#
# $$\mathbb E\big[\varphi(X)-WA-c\,\big|\,A\big]=0,\qquad (W,c)\ \text{from least squares of}\ \varphi(X)\ \text{on}\ A .$$
#
# The theorem: such a $\varphi$ is affine in $Z$. The idea is short for $d=1$. Let $\varphi(g_0(z))=h(z)$. The constraint says that $\int h(\alpha a+v)\,p(v)\,dv$ is a straight line in $a$, so the smoothed second derivative of $h$ is zero; a smoothing whose
# Fourier transform has no zeros (a normal $p$, say) loses nothing, so $h''=0$. The paper uses Wiener's Tauberian theorem for this step.
#
# **As a penalty.** With residuals $r_i=\varphi(x_i)-\hat Wa_i-\hat c$ and a Gaussian kernel $\kappa$ on the actions, the *maximum moment restriction* turns the conditional moment into one number:
#
# $$\min_{\varphi,\psi}\ \text{mean}\,\big(x-\psi(\varphi(x))\big)^2+\lambda\,Q,\qquad Q=\frac1{n^2}\sum_{i,j}\kappa(a_i,a_j)\,r_i^{\mathsf T}r_j=\frac1{n^2}\operatorname{tr}\Phi^{\mathsf T}B\,\Phi .$$
#
# $B=(I-P)K(I-P)$, with $P$ the projection on $(1,A)$, depends on the actions alone: $\hat W$ is refitted in every step without being written down. The kernel of a smooth function has few dimensions, so $B=FF^{\mathsf T}$ with a thin $F$ (`extrapolation.moment_factor`) and the $n\times n$ matrix is never formed.
# The code is standardised to mean 0 and variance 1 over the data set; why, an ablation below asks.
#
# ### Worlds in which the answer is known
#
# $A$ is uniform on $(-1,1)^k$, $k=d$, $M_0$ is `alpha` times an orthogonal matrix, $V\sim N(0,I)$, $\ell(z)=\sum_j 2\sin(0.8z_j)+0.5z_j$ and $U=\sum_j V_j+0.5\tanh(2V_j)+0.1\,\varepsilon$, which is strong confounding. $g_0$ lifts $Z$ to 10 dimensions and passes twice through biases, leaky rectifiers (slope 0.2) and rotations.
# For a wave plus a line the true effect has a closed form: averaging over $V$ multiplies $\sin(0.8z)$ by $\mathbb E\cos(0.8V)$.

# %%
design = {"v_support": v_support, "action_effect": action_effect}
standard = v_support == "gaussian" and action_effect == "linear"
worlds, samples = build(world_seeds[:reps], **design)
factors = [extrapolation.moment_factor(s.a) for s in samples]
if d == 1:
    targets = np.linspace(-a_max_test, a_max_test, 81)[:, None]
    line = np.arange(81)
else:  # a cloud of actions, then a line along the first action for the figure
    cloud = np.random.default_rng(root.spawn(1)[0]).uniform(-a_max_test, a_max_test, (200, d))
    targets = np.vstack([cloud, np.linspace(-a_max_test, a_max_test, 41)[:, None] * np.eye(d)[0]])
    line = np.arange(200, 241)
outside = np.abs(targets).max(1) > 1
truth = np.stack([w.effect(targets) for w in worlds])
paper.glue(variance=np.median(truth[:, outside].var(1)))
print(f"{reps} worlds; kernel matrix {n} x {n}, its thin factor {n} x {max(f.shape[1] for f in factors)}")

# %% [markdown]
# ## Results
#
# ### Is the code affine in the hidden state?
#
# Each world is learned twice, without the penalty and with it, from the same starting weights. All networks train in one stack, together with those of the control in which actions act quadratically and with the ablation.

# %%
quadratic_worlds, quadratic_samples = build(
    world_seeds[: min(quadratic_reps, reps)], v_support="gaussian", action_effect="quadratic"
)
jobs = [("plain", i, samples[i], 0.0, True) for i in range(reps)]
jobs += [("MMR", i, samples[i], lam, True) for i in range(reps)]
jobs += [("quadratic", i, quadratic_samples[i], lam, True) for i in range(len(quadratic_samples))]
jobs += [("not standardised", i, samples[i % reps], trap_lam, False) for i in range(min(trap_reps, reps))]
learned = extrapolation.train_autoencoders(
    [job[2] for job in jobs],
    [job[3] for job in jobs],
    [net_seeds[job[1]] for job in jobs],
    factors=[factors[job[1]] for job in jobs],  # the quadratic worlds have the same actions
    standardise=[job[4] for job in jobs],
    n_steps=steps,
)
fits = pd.DataFrame(
    {
        "kind": [job[0] for job in jobs],
        "world": [job[1] for job in jobs],
        "reconstruction": learned.reconstruction,
        "Q": learned.penalty,
        "scale": np.sqrt(learned.trained_penalty / learned.penalty),
    }
)
fits["R2"] = [extrapolation.r_squared(job[2].z, code) for job, code in zip(jobs, learned.code, strict=True)]
codes = {kind: learned.code[(fits.kind == kind).to_numpy()] for kind in fits.kind.unique()}
r2 = fits.pivot(index="world", columns="kind", values="R2")
paper.glue(
    r2_plain=r2.plain.mean(),
    r2_mmr=r2.MMR.mean(),
    r2_plain_min=r2.plain.min(),
    r2_mmr_min=r2.MMR.min(),
    worse=int((r2.plain > r2.MMR).sum()),
    reps=reps,
    q_plain=fits.Q[fits.kind == "plain"].median(),
    q_mmr=fits.Q[fits.kind == "MMR"].median(),
)
paper.keep("fits", fits)
plots.table(
    fits[fits.kind.isin(["plain", "MMR"])].pivot(index="world", columns="kind", values=["R2", "Q", "reconstruction"]),
    caption=f"R2 of Z given the code, penalty Q of the standardised code, reconstruction error; penalty {lam:g} against 0",
    digits=4,
)

# %% mystnb={"figure": {"caption": "The learned code against the true state in the first five worlds, without the penalty (top) and with it (bottom). The theorem asks for straight lines; slope and sign are arbitrary.", "name": "rep4ex-scatter"}, "image": {"alt": "Two rows of five scatter plots of code against hidden state. Both rows show curves close to straight lines; where a panel in the top row bends or folds, the one below it can be compared."}} tags=["hide-input"]
shown = min(reps, 5)
fig, axes = plt.subplots(2, shown, figsize=(7, 3.4), sharex=True, sharey=True, squeeze=False)
for row, (kind, colour) in enumerate((("plain", RED), ("MMR", BLUE))):
    for i, ax in enumerate(axes[row]):
        ax.plot(samples[i].z[:, 0], codes[kind][i, :, 0], ".", ms=1.5, color=colour, alpha=0.5, rasterized=True)
        ax.set_title(f"$R^2$ {r2[kind][i]:.2f}", fontsize=9)
        ax.grid(False)
    axes[row, 0].set_ylabel(("no penalty" if kind == "plain" else f"penalty {lam:g}") + "\ncode", fontsize=9)
fig.supxlabel(
    "true state $Z$" if d == 1 else "first coordinate of the true state (a rotated code is no line)", fontsize=9
)
plt.show()

# %% [markdown]
# Without the penalty the code explains on average {glue:text}`r2_plain:.3f` of the variance of $Z$ by a straight line, at worst {glue:text}`r2_plain_min:.3f`; with it,
# {glue:text}`r2_mmr:.3f` and {glue:text}`r2_mmr_min:.3f`. In {glue:text}`worse` of {glue:text}`reps` worlds the penalty *lowers* $R^2$.
# The mean is carried by the worlds in which the plain autoencoder goes badly wrong: leaky rectifiers and rotations are a mild mixture, and an autoencoder that takes the easiest way often lands near the straight line by itself.
#
# **This makes c1a a matter of the worlds drawn.** The verdict table says on how many other seeds each verdict held, and c1a did poorly there: with five worlds the mean gain was between {glue:text}`c1a_low:+.3f` and {glue:text}`c1a_high:+.3f`; it is large where a draw contains a world that the plain
# autoencoder folds. The penalty can even miss such a fold (c1b then fails too, with {glue:text}`c1b_low:.2f` on one of those seeds: the networks stay in the folded local minimum they started in). Why does the constraint not straighten the many codes that are only bent? Two reasons can be tested. Either the training has not followed the penalty far enough, and the code's $Q$ is still above that of the truth;
# or the sample does not say more, and the code's $Q$ is *below* the $Q$ of the true state, which by sampling noise is not zero.

# %%
other_seeds = records.load("intervention_extrapolation").get("stability", {})
over = {
    claim: found["values"] or ["(not recorded)"]
    for claim, found in other_seeds.get("claims", {}).items()
}
over = {claim: ["(not recorded)"] for claim in ("c1a", "c1b", "c4", "c7")} | over
full = {c: paper.record_value(c) for c in ("c4", "c7")}
full = {c: "(not recorded)" if v is None else v for c, v in full.items()}
paper.glue(**{f"{c}_full": value for c, value in full.items()})
paper.glue(**{f"{c}_low": min(over[c]) for c in ("c1a", "c1b", "c4", "c7")})
paper.glue(**{f"{c}_high": max(over[c]) for c in ("c1a", "c4", "c7")})

# %%
q_truth = np.array([extrapolation.penalty((s.z - s.z.mean(0)) / s.z.std(0), f) for s, f in zip(samples, factors)])
q_mmr = fits.Q[fits.kind == "MMR"].to_numpy()
paper.glue(
    q_truth=np.median(q_truth),
    q_below=int((q_mmr < q_truth).sum()),
)
print(pd.DataFrame({"Q of the code": q_mmr, "Q of the true state": q_truth}).rename_axis("world").map("{:.1e}".format))

# %% [markdown]
# The median $Q$ goes from {glue:text}`q_plain:.1e` without to {glue:text}`q_mmr:.1e` with the penalty; the true state itself has {glue:text}`q_truth:.1e`. In {glue:text}`q_below` of
# {glue:text}`reps` worlds the code fulfils the constraint *better than the truth does*. Where that is so, the second reason holds: in this sample the penalty has nothing more to say, and remaining bends fit its noise. More data should then raise $R^2$. The full run repeats the comparison with more units.

# %%
rows = []
if large_n:
    w, s = build(world_seeds[: min(large_reps, reps)], large_n, v_support="gaussian", action_effect="linear")
    f = [extrapolation.moment_factor(one.a) for one in s]
    found = extrapolation.train_autoencoders(
        s * 2, np.repeat([0.0, lam], len(s)), net_seeds[: len(s)] * 2, factors=f * 2, n_steps=steps
    )
    values = np.reshape([extrapolation.r_squared(one.z, code) for one, code in zip(s * 2, found.code)], (2, -1))
    for size, pair in ((n, r2[["plain", "MMR"]].to_numpy().T[:, : len(s)]), (large_n, values)):
        rows += [
            {
                "n": size,
                "worlds": len(s),
                "mean plain": pair[0].mean(),
                "mean MMR": pair[1].mean(),
                "median gain": np.median(pair[1] - pair[0]),
                "least plain": pair[0].min(),
                "least MMR": pair[1].min(),
            }
        ]
    paper.keep("large", pd.DataFrame(rows))
large = pd.DataFrame(rows) if rows else paper.record_table("large")
if large is None:
    print("No recorded full run; set large_n to see more data.")
else:
    display(
        plots.table(
            large.set_index("n"),
            caption="R2 of Z given the code in the same mechanisms with more data ("
            + ("this run)" if rows else "recorded full run)"),
        )
    )

# %% [markdown]
# ### Actions that nobody has tried
#
# Every code now goes through the same second stage: least squares on $A$, additive regression on code and residual, average over the residuals. Five competitors frame it: a network that regresses $Y$ on $A$; a Gaussian process on $A$ (fitted to 200 units); a straight line in $A$; the *oracle*, which is given
# the true $Z$; and the oracle without control function.


# %%
def through_code(codes, data, control=True, features=None):
    """E[Y | do(a)] at the targets by the control function, shape (worlds, targets)."""
    if d == 1:
        found = [
            control_function.fit_control_function(
                c, s.a, s.y, control=control, features=features
            )
            for c, s in zip(codes, data)
        ]
        return np.stack([fit.effect(targets) for fit in found])
    a, y = np.stack([s.a for s in data]), np.stack([s.y for s in data])
    return control_function.network_effects(np.stack(codes), a, y, targets, net_seeds[: len(data)], control=control)


def gaussian_process(sample):
    kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(1.0)
    some = slice(0, 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GaussianProcessRegressor(kernel, normalize_y=True).fit(sample.a[some], sample.y[some]).predict(targets)


def straight_line(sample):
    coef = np.linalg.lstsq(np.column_stack([np.ones(n), sample.a]), sample.y, rcond=None)[0]
    return coef[0] + targets @ coef[1:]


states = [s.z for s in samples]
estimates = {
    "AE-MMR": through_code(codes["MMR"], samples),
    "plain AE": through_code(codes["plain"], samples),
    "network on A": control_function.action_networks(
        np.stack([s.a for s in samples]), np.stack([s.y for s in samples]), targets, net_seeds[:reps]
    ),
    "Gaussian process on A": np.stack([gaussian_process(s) for s in samples]),
    "line in A": np.stack([straight_line(s) for s in samples]),
    "oracle": through_code(states, samples),
    "oracle, no control function": through_code(states, samples, control=False),
}


def errors(found, answers):
    """Mean squared error of each world inside and outside the support."""
    square = (found - answers) ** 2
    return square[:, ~outside].mean(1), square[:, outside].mean(1)


inside_mse, outside_mse = ({name: errors(found, truth)[part] for name, found in estimates.items()} for part in (0, 1))
error_table = pd.DataFrame({f"world {i}": {name: outside_mse[name][i] for name in estimates} for i in range(shown)})
error_table["median out"] = pd.Series({name: np.median(value) for name, value in outside_mse.items()})
error_table["median in"] = pd.Series({name: np.median(value) for name, value in inside_mse.items()})
error_table = error_table.rename_axis("method")
paper.keep("errors", error_table)
SHORT = {
    "out_mmr": "AE-MMR",
    "out_plain": "plain AE",
    "out_mlp": "network on A",
    "out_oracle": "oracle",
    "out_nocf": "oracle, no control function",
    "out_gp": "Gaussian process on A",
}
paper.glue(**{key: np.median(outside_mse[name]) for key, name in SHORT.items()})
paper.glue(
    plain_max=outside_mse["plain AE"].max(),
    in_mlp=np.median(inside_mse["network on A"]),
    in_mmr=np.median(inside_mse["AE-MMR"]),
    wins=int((outside_mse["AE-MMR"] < outside_mse["network on A"]).sum()),
)
plots.table(
    error_table, caption="Mean squared error of E[Y | do(a)] outside the support, by world, and medians over all worlds"
)

# %% mystnb={"figure": {"caption": "Effect of the action in three worlds: the one in which the plain autoencoder does worst, the median one and the best. Shaded: actions that were tried.", "name": "rep4ex-curves"}, "image": {"alt": "Three panels with curves over the action. Inside the shaded band all curves agree with the black truth. Outside, the curve of AE-MMR and of the oracle stay near the truth, the network on the actions continues on its own."}} tags=["hide-input", "thumbnail"]
order = np.argsort(outside_mse["plain AE"])[::-1]
pick = [order[0], order[len(order) // 2], order[-1]]
looks = {
    "plain AE": (RED, ":", 1.8),
    "network on A": (ORANGE, "--", 1.8),
    "oracle": (GREEN, "-.", 1.5),
    "AE-MMR": (BLUE, "-", 2),
}
fig, axes = plt.subplots(1, 3, figsize=(7, 3.1))
for ax, i in zip(axes, pick):
    ax.axvspan(-1, 1, color="0.93")
    ax.plot(targets[line, 0], truth[i, line], color="k", lw=3.5, alpha=0.35, label="truth")
    for name, (colour, style, width) in looks.items():
        ax.plot(targets[line, 0], estimates[name][i, line], color=colour, ls=style, lw=width, label=name)
    low, high = truth[i, line].min(), truth[i, line].max()
    ax.set(ylim=(low - 0.35 * (high - low), high + 0.35 * (high - low)), xlabel="action $a$", title=f"world {i}")
axes[0].set_ylabel("E[Y | do(A = a)]")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize=9)
plt.show()

# %% [markdown]
# Outside the support the truth varies with a variance of about {glue:text}`variance:.1f`. AE-MMR misses it by a median squared error of {glue:text}`out_mmr:.3f`, the oracle by {glue:text}`out_oracle:.3f`, the
# network on $A$ by {glue:text}`out_mlp:.2f`, the Gaussian process by {glue:text}`out_gp:.2f`. AE-MMR beats the network in {glue:text}`wins` of {glue:text}`reps` worlds. Inside, the two stand at
# {glue:text}`in_mmr:.3f` and {glue:text}`in_mlp:.3f`: nothing in the data that were tried tells which of the two curves to trust outside.
# The criterion of c4 allows the network three times the error of AE-MMR inside; over other seeds the ratio ran from {glue:text}`c4_low:.1f` to {glue:text}`c4_high:.1f`, and in the recorded full run it is {glue:text}`c4_full:.1f`. "As good inside" is generous to the network.
#
# The plain autoencoder has a median of {glue:text}`out_plain:.3f`, but {glue:text}`plain_max:.2f` in its worst world: its error is a matter of luck with the mixture, so worlds are listed singly.
# The oracle *without* control function ends at {glue:text}`out_nocf:.2f`. It knows the state of every unit and still fails, since units with a high state have a high $U$ as well, and the regression of $Y$ on $Z$ credits the state with both.
#
# The comparison of AE-MMR with the plain autoencoder (c3) is the fragile one: its verdict flips between seeds, and with other seeds the median of AE-MMR is more often the higher of the two. A possible reason is that the median looks at a typical world, while the constraint repairs untypical ones.
# If so, AE-MMR should win where the plain code is bent and gain nothing, or lose a little to the noise of $Q$, where it is straight already. The next table splits the worlds at $R^2=0.95$ of the plain code; the mean shows what the median hides.

# %%
bent = np.where(r2.plain < 0.95, "plain R2 below 0.95", "plain R2 from 0.95")
split = pd.DataFrame({"code": bent, "AE-MMR": outside_mse["AE-MMR"], "plain AE": outside_mse["plain AE"]})
split["AE-MMR wins"] = split["AE-MMR"] < split["plain AE"]
split = pd.concat([split, split.assign(code="all worlds")])
by_code = split.groupby("code").agg(
    **{
        "worlds": ("AE-MMR", "size"),
        "AE-MMR wins": ("AE-MMR wins", "mean"),
        "median AE-MMR": ("AE-MMR", "median"),
        "median plain": ("plain AE", "median"),
        "mean AE-MMR": ("AE-MMR", "mean"),
        "mean plain": ("plain AE", "mean"),
    }
)
paper.keep("split", by_code)
recorded = paper.record_table("split")
display(plots.table(by_code, caption="Out-of-support MSE by straightness of the plain code, this run"))
if recorded is not None:
    display(plots.table(recorded.set_index("code"), caption="The same in the recorded full run"))

# %% mystnb={"figure": {"caption": "Squared error against the distance of the action from zero, median over worlds. Shaded: actions that were tried.", "name": "rep4ex-distance"}, "image": {"alt": "Lines of squared error on a logarithmic axis against the size of the action. The network on the actions rises steeply beyond 1; AE-MMR and the oracle rise less; the oracle without control function is high already inside."}} tags=["hide-input"]
distance = np.abs(targets).max(1)
edges = np.linspace(0, a_max_test, 13)
middle = (edges[1:] + edges[:-1]) / 2
fig, ax = plt.subplots(figsize=(7, 3.4))
ax.axvspan(0, 1, color="0.93")
for name, (colour, style, width) in {**looks, "oracle, no control function": (PURPLE, (0, (1, 1)), 1.5)}.items():
    curve = [
        np.median(((estimates[name] - truth) ** 2)[:, (distance >= lo) & (distance <= hi)].mean(1))
        if ((distance >= lo) & (distance <= hi)).any()
        else np.nan
        for lo, hi in itertools.pairwise(edges)
    ]
    ax.semilogy(middle, curve, color=colour, ls=style, lw=width, label=name)
ax.set(xlabel="size of the action, largest coordinate", ylabel="squared error", xlim=(0, a_max_test))
fig.legend(loc="outside right center", fontsize=9)
plt.show()

# %%
if standard:
    ratio = outside_mse["AE-MMR"] / outside_mse["network on A"]
    medians = {name: np.median(value) for name, value in outside_mse.items()}
    paper.measure(
        c1a=r2.MMR.mean() - r2.plain.mean(),
        c1b=r2.MMR.min(),
        c2a=np.mean(ratio < 1),
        c2b=np.median(ratio),
        c3=medians["AE-MMR"] / medians["plain AE"],
        c4=np.median(inside_mse["network on A"]) / np.median(inside_mse["AE-MMR"]),
        c5=medians["oracle, no control function"] / medians["oracle"],
    )
else:
    paper.not_tested(
        **dict.fromkeys(
            ["c1a", "c1b", "c2a", "c2b", "c3", "c4", "c5", "c7", "c8a", "c8b"],
            "an assumption of the theorem is switched off in the parameters",
        )
    )

# %% [markdown]
# ### Control: noise with bounded support
#
# The theorem needs states beyond the reach of the tried actions to occur now and then. Let $V$ be uniform on $(-0.5,0.5)$ and give the *oracle* the true state, so that only the second stage is tested. The overlap column states the share of the states $M_0a^*+V$, for $a^*$ outside, that lie beyond all states in the data.


# %%
def beyond(worlds, data):
    """Share of states reached by outside actions that no unit of the data set reaches, per world."""
    share = []
    for w, s in zip(worlds, data):
        reached = w.mean(targets[outside])[:, None] + (s.z - w.mean(s.a))[:200]
        share.append(np.mean(((reached < s.z.min(0)) | (reached > s.z.max(0))).any(-1)))
    return np.array(share)


bounded_worlds, bounded_samples = build(world_seeds[:reps], v_support="uniform", action_effect="linear")
bounded = errors(
    through_code([s.z for s in bounded_samples], bounded_samples), np.stack([w.effect(targets) for w in bounded_worlds])
)[1]
if standard:
    paper.measure(c7=np.median(bounded) / np.median(outside_mse["oracle"]))
paper.glue(
    bounded=np.median(bounded),
    bounded_ratio=np.median(bounded) / np.median(outside_mse["oracle"]),
    beyond_bounded=100 * beyond(bounded_worlds, bounded_samples).mean(),
    beyond_main=100 * beyond(worlds, samples).mean(),
)
pd.DataFrame(
    {
        "this design": outside_mse["oracle"],
        "V uniform": bounded,
        "beyond data, this design": beyond(worlds, samples),
        "beyond data, uniform": beyond(bounded_worlds, bounded_samples),
    }
).rename_axis("world").pipe(plots.table, caption="Oracle: out-of-support MSE and share of states beyond the data")

# %% [markdown]
# With bounded noise {glue:text}`beyond_bounded:.0f` % of the states asked about lie beyond the data, against {glue:text}`beyond_main:.0f` % in the main worlds. The oracle's median error is {glue:text}`bounded:.3f` against
# {glue:text}`out_oracle:.3f`, a factor of {glue:text}`bounded_ratio:.1f`. A factor at one sample size mixes two things: what cannot be known and what is not yet known. The oracle is cheap, so they can be told apart with 20 further worlds and growing samples. Where the states are
# missing for good, more data should not help; where they are only rare, it should.

# %%
rows = []
for size in (250, 1000, 4000):
    for support in ("gaussian", "uniform"):
        w, s = build(oracle_seeds, size, d=1, v_support=support, action_effect="linear")
        grid = np.linspace(-a_max_test, a_max_test, 81)[:, None]
        far = np.abs(grid[:, 0]) > 1
        fits_here = [control_function.fit_control_function(b.z, b.a, b.y) for b in s]
        square = [(f.effect(grid) - a.effect(grid)) ** 2 for f, a in zip(fits_here, w)]
        rows.append({"n": size, "V": support, "median": np.median([e[far].mean() for e in square])})
oracle_sizes = pd.DataFrame(rows).pivot(index="n", columns="V", values="median")
oracle_sizes["ratio"] = oracle_sizes.uniform / oracle_sizes.gaussian
paper.keep("oracle_sizes", oracle_sizes)
paper.glue(
    ratio_1000=oracle_sizes.ratio[1000],
    ratio_4000=oracle_sizes.ratio[4000],
    gain_gauss=oracle_sizes.gaussian[250] / oracle_sizes.gaussian[4000],
    gain_uniform=oracle_sizes.uniform[250] / oracle_sizes.uniform[4000],
)
plots.table(oracle_sizes, caption="Oracle with one action: median out-of-support MSE over 20 worlds, by sample size")

# %% [markdown]
# From 250 to 4,000 units the oracle's error falls by a factor of {glue:text}`gain_gauss:.1f` with normal noise and of {glue:text}`gain_uniform:.1f` with bounded noise, so the ratio of the two goes from
# {glue:text}`ratio_1000:.1f` at 1,000 units to {glue:text}`ratio_4000:.1f` at 4,000. If the first factor is large and the second near 1, c7 is about identification, and a verdict that hangs on the worlds drawn is a matter of sample size: beyond its last knot the
# spline goes on as a straight line, and for this outcome a straight line is not a terrible guess.
#
# Such a verdict there is: in the recorded full run, with more worlds, the factor of c7 is {glue:text}`c7_full:.1f`, while over other seeds of the short run it ran from {glue:text}`c7_low:.1f` to {glue:text}`c7_high:.1f`. The limit of 4 was fixed when a pilot of few worlds
# had been seen, and medians over five worlds scatter by more than that.
#
# ### Control: actions that do not act linearly
#
# Now $Z=M_0(A+\tfrac12A^2)+V$. Both steps of the method take linearity for granted: the penalty, which pulls the code towards the wrong function of $Z$, and the regression that carries the code to new actions. The oracle suffers only from the second. A last row repairs it by regressing the true $Z$ on $(A,A^2)$.

# %%
quadratic_truth = np.stack([w.effect(targets) for w in quadratic_worlds])
quadratic_states = [s.z for s in quadratic_samples]
quadratic = {
    "AE-MMR": errors(through_code(codes["quadratic"], quadratic_samples), quadratic_truth)[1],
    "oracle": errors(through_code(quadratic_states, quadratic_samples), quadratic_truth)[1],
}
if d == 1:
    quadratic["oracle, (A, A²)"] = errors(
        through_code(quadratic_states, quadratic_samples, features=lambda a: np.column_stack([a, a**2])),
        quadratic_truth,
    )[1]
quadratic_table = pd.DataFrame(
    {
        name: {
            "median": np.median(v),
            "least": v.min(),
            "largest": v.max(),
            "median, linear": np.median(outside_mse[name.split(",")[0]]),
        }
        for name, v in quadratic.items()
    }
).T.rename_axis("method")
paper.keep("quadratic", quadratic_table)
if standard:
    paper.measure(
        c8a=quadratic_table["median"]["AE-MMR"] / np.median(outside_mse["AE-MMR"]),
        c8b=quadratic_table["median"]["oracle"] / np.median(outside_mse["oracle"]),
    )
paper.glue(
    quad_r2=r2["quadratic"].mean(),
    quad_mmr=quadratic_table["median"]["AE-MMR"],
    quad_oracle=quadratic_table["median"]["oracle"],
)
repaired = quadratic.get("oracle, (A, A²)")
fixed = "(one dimension only)" if repaired is None else np.median(repaired)
paper.glue(quad_fixed=fixed)
plots.table(quadratic_table, caption="Out-of-support MSE when actions act quadratically, over worlds")

# %% [markdown]
# AE-MMR is off by {glue:text}`quad_mmr:.2f` and the oracle by {glue:text}`quad_oracle:.2f`; the code still has a mean $R^2$ of {glue:text}`quad_r2:.2f`. If the two errors are close, most of the damage is done by carrying the
# code to new actions along a line, not by the code. The repaired oracle tests this: with the right features it comes to {glue:text}`quad_fixed:.2f`. Linearity in $A$ is thus a statement about how actions are *coded*; a quadratic effect would be harmless if $A^2$ were declared an action of its own.
#
# ### Ablation: a code that is not standardised
#
# $Q$ shrinks with the square of the code, and a decoder can undo any shrinking. Without standardisation the penalty has a way out: make the code small. The scale column is the standard deviation of the code as trained.

# %%
trap = fits[fits.kind.isin(["not standardised", "MMR"]) & (fits.world < min(trap_reps, reps))]
trap_table = trap.groupby("kind")[["R2", "Q", "scale", "reconstruction"]].median()
trap_table.insert(0, "penalty", [lam if kind == "MMR" else trap_lam for kind in trap_table.index])
paper.keep("trap", trap_table)
trap_full = paper.record_table("trap")
full = {"scale": "(not recorded)", "R2": "(not recorded)"}
if trap_full is not None:
    row = trap_full.set_index("kind").loc["not standardised"]
    full = {name: f"{row[name]:.2f}" for name in full}
paper.glue(trap_scale_full=full["scale"], trap_r2_full=full["R2"])
paper.glue(
    trap_scale=trap_table.scale["not standardised"],
    trap_r2=trap_table.R2["not standardised"],
    trap_lam=trap_lam,
)
plots.table(trap_table, caption="Medians with and without standardised code", digits=5)

# %% [markdown]
# With a penalty of {glue:text}`trap_lam:.0f` the code ends at a scale of {glue:text}`trap_scale:.2f` and an $R^2$ of {glue:text}`trap_r2:.3f`; in the recorded full run, over more worlds, the medians are {glue:text}`trap_scale_full` and {glue:text}`trap_r2_full`:
# the way out is being taken, but 500 steps are too few to walk it to the end, and on the way the code is straightened as well. So the collapse of the representation that one would predict was **not** seen here. What standardising does buy is that a penalty of {glue:text}`trap_lam:.0f` means the same in every world.

# %% mystnb={"figure": {"caption": "Share of the state that an affine map of the code explains, against the penalty Q of the standardised code; one marker per network.", "name": "rep4ex-q-r2"}, "image": {"alt": "Scatter plot with logarithmic horizontal axis. Networks without penalty lie further right; those with a very large Q, if any, lie low."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7, 3.2))
for kind, marker, colour, label in (
    ("plain", "s", RED, "no penalty"),
    ("MMR", "o", BLUE, f"penalty {lam:g}"),
    ("not standardised", "^", PURPLE, f"not standardised, penalty {trap_lam:g}"),
    ("quadratic", "x", ORANGE, f"quadratic actions, penalty {lam:g}"),
):
    part = fits[fits.kind == kind]
    ax.semilogx(part.Q, part.R2, marker, color=colour, label=label, ms=6)
ax.set(xlabel="penalty $Q$ of the standardised code", ylabel="$R^2$ of $Z$ given the code")
fig.legend(loc="outside upper center", ncols=2, fontsize=9)
plt.show()

# %% [markdown]
# A large $Q$ is a warning. A small one is no proof: below some value, set by the sample, $Q$ no longer orders the codes by their $R^2$.
#
# ### Strength of the actions and dimension
#
# The theorem holds for any strength other than zero. In a sample, weak actions scan only a small piece of the code's curve, and the penalty sees little. The sweep of the full run has three dimensions and four strengths.

# %%
rows = []
for dim, size in itertools.product(sweep_dims, sweep_alphas):
    w, s = build(world_seeds[:sweep_reps], d=dim, alpha=size, v_support="gaussian", action_effect="linear")
    f = [extrapolation.moment_factor(one.a, tol=1e-6 if dim == 1 else 1e-3) for one in s]
    count = len(sweep_lams)
    found = extrapolation.train_autoencoders(
        s * count, np.repeat(sweep_lams, sweep_reps), net_seeds[:sweep_reps] * count, factors=f * count, n_steps=steps
    )
    values = np.reshape(
        [extrapolation.r_squared(one.z, code) for one, code in zip(s * count, found.code)], (count, sweep_reps)
    )
    rows += [
        {"d": dim, "alpha": size, "penalty": p, "mean R2": v.mean(), "least R2": v.min()}
        for p, v in zip(sweep_lams, values)
    ]
sweep = pd.DataFrame(rows) if rows else paper.record_table("sweep")
if rows:
    paper.keep("sweep", sweep)
    line_one = sweep[(sweep.d == 1) & (sweep.penalty == 10)]
    if len(line_one) > 2:
        paper.measure(c6=spearmanr(line_one.alpha, line_one["mean R2"]).statistic)

# %% mystnb={"figure": {"caption": "Mean share of the state explained by the code against the strength of the actions, for one, two and four hidden dimensions (recorded full run, five worlds each). Dashed: the least of the five.", "name": "rep4ex-alpha"}, "image": {"alt": "Three panels, one per dimension, with one line per penalty against the strength of the actions on a logarithmic axis."}} tags=["hide-input"]
if sweep is None:
    print("No recorded full run; set sweep_dims, sweep_alphas and sweep_lams for a sweep of your own.")
else:
    dims = sorted(sweep.d.unique())
    fig, axes = plt.subplots(1, len(dims), figsize=(7, 3.1), sharey=True, squeeze=False)
    for ax, dim in zip(axes[0], dims):
        for (penalty, part), colour, marker in zip(
            sweep[sweep.d == dim].groupby("penalty"), (RED, BLUE, GREEN, ORANGE), "sod^"
        ):
            ax.semilogx(part.alpha, part["mean R2"], f"-{marker}", color=colour, label=f"penalty {penalty:g}", ms=5)
            ax.semilogx(part.alpha, part["least R2"], "--", color=colour, lw=0.9)
        ax.set(title=f"d = {dim}", xlabel="strength of actions", xticks=sorted(sweep.alpha.unique()))
        ax.set_xticklabels([f"{value:g}" for value in sorted(sweep.alpha.unique())])
        ax.minorticks_off()
    axes[0, 0].set_ylabel("$R^2$ of $Z$ given the code")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=9)
    plt.show()

# %% [markdown]
# ### Two actions: a surface
#
# With two actions the code may be rotated, and a spline in each of its coordinates could not represent the outcome; $\ell$ and $\lambda$ are therefore small networks. The second outcome, $2\sin(0.8z_1)\cos(0.8z_2)+0.5(z_1+z_2)$, is not additive even in the true coordinates. The square in the middle was tried, the frame was not.

# %%
grid_2d = np.stack(np.meshgrid(*[np.linspace(-2, 2, 13)] * 2), -1).reshape(-1, 2)
far_2d = np.abs(grid_2d).max(1) > 1
surface, rows = None, []
for outcome in ("additive", "product") if surface_reps else ():
    w, s = build(
        world_seeds[:surface_reps], d=2, alpha=1.5, outcome=outcome, v_support="gaussian", action_effect="linear"
    )
    found = extrapolation.train_autoencoders(
        s * 2,
        np.repeat([0.0, lam], surface_reps),
        net_seeds[:surface_reps] * 2,
        factors=[extrapolation.moment_factor(one.a, tol=1e-3) for one in s] * 2,
        n_steps=800,
    )
    all_codes = np.concatenate([found.code, [one.z for one in s]])
    a, y = np.stack([one.a for one in s] * 3), np.stack([one.y for one in s] * 3)
    values = control_function.network_effects(all_codes, a, y, grid_2d, net_seeds[:surface_reps] * 3)
    values = np.concatenate(
        [values, control_function.action_networks(a[:surface_reps], y[:surface_reps], grid_2d, net_seeds[:surface_reps])]
    )
    values = values.reshape(4, surface_reps, -1)
    answers = np.stack([one.effect(grid_2d) for one in w])
    names = ["plain AE", "AE-MMR", "oracle", "network on A"]
    rows += [
        {
            "outcome": outcome,
            "method": name,
            "median out": np.median(((v - answers) ** 2)[:, far_2d].mean(1)),
            "median in": np.median(((v - answers) ** 2)[:, ~far_2d].mean(1)),
        }
        for name, v in zip(names, values)
    ]
    if outcome == "product":
        surface = pd.DataFrame(
            {
                "a1": grid_2d[:, 0],
                "a2": grid_2d[:, 1],
                "truth": answers[0],
                **{name: v[0] for name, v in zip(names, values)},
            }
        )
if surface_reps:
    paper.keep("surface", surface)
    paper.keep("surface_errors", pd.DataFrame(rows))
    surface_errors = pd.DataFrame(rows)
else:
    surface, surface_errors = paper.record_table("surface"), paper.record_table("surface_errors")
missed = dict.fromkeys(("plain AE", "AE-MMR", "oracle"), "(not recorded)")
if surface_errors is not None:
    product = surface_errors[surface_errors["outcome"] == "product"]
    missed |= {m: f"{v:.2f}" for m, v in zip(product["method"], product["median out"])}
weak = {0: "(not recorded)", 10: "(not recorded)"}
if sweep is not None:
    cell = sweep[(sweep.d == 2) & (sweep.alpha == 0.5)].set_index("penalty")["mean R2"]
    weak |= {penalty: f"{cell[penalty]:.2f}" for penalty in weak if penalty in cell.index}
paper.glue(
    surface_mmr=missed["AE-MMR"],
    surface_plain=missed["plain AE"],
    surface_oracle=missed["oracle"],
    weak_plain=weak[0],
    weak_mmr=weak[10],
)
if surface_errors is not None:
    display(
        plots.table(
            surface_errors.set_index(["outcome", "method"]),
            caption="Two actions: mean squared error of the surface, medians over worlds",
        )
    )

# %% mystnb={"figure": {"caption": "E[Y | do(a)] over two actions for the outcome that is not additive, in one world of the recorded full run. Square: actions that were tried.", "name": "rep4ex-surface"}, "image": {"alt": "Four coloured maps over the square of two actions: the truth, AE-MMR, the oracle and the network on the actions; the tried square in the middle is marked."}} tags=["hide-input"]
if surface is None:
    print("No recorded full run; set surface_reps to 1 or more.")
else:
    fig, axes = plt.subplots(1, 4, figsize=(7, 2.3), sharey=True)
    limits = {"vmin": surface.truth.min(), "vmax": surface.truth.max()}
    for ax, name in zip(axes, ("truth", "AE-MMR", "oracle", "network on A")):
        image = ax.imshow(
            surface[name].to_numpy().reshape(13, 13), origin="lower", extent=(-2, 2, -2, 2), cmap="viridis", **limits
        )
        ax.plot([-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], color="w", lw=1.5)
        ax.set(title=name, xlabel="$a_1$")
        ax.grid(False)
    axes[0].set_ylabel("$a_2$")
    fig.colorbar(image, ax=axes, shrink=0.75)
    plt.show()

# %% [markdown]
# Here the promise is not kept. In the recorded full run the surface that is not additive is missed by {glue:text}`surface_mmr` (median squared error outside the support) with AE-MMR and by {glue:text}`surface_plain` with the plain autoencoder, where the oracle, with the same
# second stage, has {glue:text}`surface_oracle`: two-dimensional codes are not near enough to affine for it. And the penalty can do harm. In the sweep above, at two dimensions and strength 0.5, the mean $R^2$ is {glue:text}`weak_plain` without the penalty and {glue:text}`weak_mmr` with
# a penalty of 10.

# %% [markdown]
# ## Verdicts

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# What the proof uses can be taken away piece by piece in the controls above, and what it does not use (the kind of autoencoder, the mixture) decides how much the constraint adds over luck: c1a and c3 are the claims to distrust, as they depend on how many of the worlds drawn are hard for a plain autoencoder. The linear
# effect of actions and the full support are not conveniences, and no data set can confirm the second: the tails are where no unit is.
#
# ## What differs
#
# Only the abstract of the paper was seen, and no number of it. All sizes, the mixture, the outcome and the training are ours, so agreement here is agreement with the statements, not with its tables.
#
# - **Scale of the penalty.** The reconstruction error is averaged over the 10 coordinates. With their sum, as the formula is usually written, a penalty of 10 acts like 1 here; in a pilot it left one world folded, on the wrong side of c1b. The average was chosen then.
# - **Truth in closed form** instead of 20,000 draws, which removes the Monte Carlo error of the answer.
# - **Second stage.** Cubic splines with 8 knots for the code, 6 for the residual and a ridge of 0.001 in one dimension; two networks with two layers of 32 in more.
# - **Training.** Full batches, Adam with a first rate of 0.002 and cosine decay, three hidden layers of 32 for encoder and decoder. The paper's sizes are not known to us.
# - **Full run.** 20 worlds (10 for the quadratic control, 5 for the ablation) with 1,000 units; the sweep has 5 worlds per cell and the surfaces 3. One comparison is repeated with 4,000 units; 5,000 units and 3,000 steps throughout were planned and left out for time.
#
# ## Exercises
#
# ```{exercise-start} Scale and rotation
# :label: rep4ex-ex1
# ```
# Prove that $Q$ does not change under $\varphi\mapsto H\varphi+c$ with orthogonal $H$. What does a change of scale do, and what does that mean for a decoder that may rescale?
# ```{exercise-end}
# ```
# ```{solution-start} rep4ex-ex1
# :class: dropdown
# ```
# $B1=0$, so $c$ drops out. $\operatorname{tr}\,(\Phi H^{\mathsf T})^{\mathsf T}B\,\Phi H^{\mathsf T}=\operatorname{tr}\,H^{\mathsf T}H\,\Phi^{\mathsf T}B\Phi$, and $H^{\mathsf T}H=I$. A scale $s$ multiplies $Q$ by $s^2$:

# %%
rng = paper.rng("scale and rotation")
code = np.column_stack([samples[0].z[:, 0], np.tanh(samples[0].z[:, 0])])
turn, _ = np.linalg.qr(rng.standard_normal((2, 2)))
for name, changed in {"code": code, "turned and shifted": code @ turn + 3, "a hundredth": code / 100}.items():
    print(f"{name:18s} Q = {extrapolation.penalty(changed, factors[0]):.3e}")

# %% [markdown]
# With a code of a hundredth, and a decoder whose first layer is multiplied by a hundred, the reconstruction is the same and the penalty has gone. The penalty constrains a direction, not a size; it needs a code of fixed size.
# ```{solution-end}
# ```
#
# ```{exercise-start} A stronger test
# :label: rep4ex-ex2
# ```
# Replace $Q$ by the Hilbert-Schmidt independence criterion (HSIC) between residual and action, which asks for full independence and not only for a mean of zero. Is it stronger? When is it too strong?
# ```{exercise-end}
# ```
# ```{solution-start} rep4ex-ex2
# :class: dropdown
# ```
# Take codes that are wrong in the mean and codes that are wrong only in the spread.


# %%
def hsic(r, a):
    """Biased HSIC with Gaussian kernels and median bandwidths."""
    root_r, root_a = extrapolation.kernel_factor(r), extrapolation.kernel_factor(a)
    return np.sum(((root_r - root_r.mean(0)).T @ (root_a - root_a.mean(0))) ** 2) / len(a) ** 2


a = samples[0].a[:, :1]
noise = rng.standard_normal((n, 1))
residual = {"independent": noise, "curved mean": noise + a**2, "changing spread": noise * (1 + 0.8 * a)}
factor = extrapolation.moment_factor(a)
null_q = np.quantile([extrapolation.penalty(rng.permutation(noise), factor) for _ in range(200)], 0.95)
null_h = np.quantile([hsic(rng.permutation(noise), a) for _ in range(100)], 0.95)
for name, r in residual.items():
    r = extrapolation.residuals(r, a)
    r = r / r.std()
    print(
        f"{name:16s} Q / its 95 % point: {extrapolation.penalty(r, factor) / null_q:6.2f}   HSIC / its 95 % point: {hsic(r, a) / null_h:6.2f}"
    )

# %% [markdown]
# Both see the curved mean. Only HSIC sees the changing spread, so it is stronger where $V$ is independent of $A$. If the spread of $V$ depends on the action, the true state itself fails the HSIC test and passes the test by $Q$, which needs no more than $\mathbb E[V\mid A]=0$; the control function, however, uses the independence too.
# ```{solution-end}
# ```
#
# ```{exercise-start} Fewer actions than states (research)
# :label: rep4ex-ex3
# ```
# Let $d=2$ and $k=1$. Which part of $Z$ is still identified, and for which $a^*$ can one extrapolate?
# ```{exercise-end}
# ```
# ```{solution-start} rep4ex-ex3
# :class: dropdown
# ```
# Let the action move $Z_1$ only. Three codes, each invertible in $Z$:

# %%
rng = paper.rng("fewer actions")
a = rng.uniform(-1, 1, (4000, 1))
v = rng.standard_normal((4000, 2))
z = np.column_stack([1.5 * a[:, 0], np.zeros(4000)]) + v
factor = extrapolation.moment_factor(a)
candidates = {
    "(Z1, Z2)": z,
    "(Z1 + sin 3 Z2, Z2)": z + np.column_stack([np.sin(3 * z[:, 1]), np.zeros(4000)]),
    "(Z1, Z2 + Z2³)": np.column_stack([z[:, 0], z[:, 1] + z[:, 1] ** 3]),
    "(Z1 + 0.3 Z1², Z2)": z + np.column_stack([0.3 * z[:, 0] ** 2, np.zeros(4000)]),
}
for name, code in candidates.items():
    code = (code - code.mean(0)) / code.std(0)
    print(
        f"{name:22s} Q = {extrapolation.penalty(code, factor):.1e}   R2 of Z1, Z2: {extrapolation.r_squared(z[:, :1], code):.3f}, {extrapolation.r_squared(z[:, 1:], code):.3f}"
    )

# %% [markdown]
# The first three have a $Q$ near zero: anything may be done to $Z_2$, and functions of $Z_2$ may be added to $Z_1$, without making the mean curved. Only the last is caught. So $Z_1$ is identified up to a function of the coordinates that the action does not reach. That is no obstacle for extrapolation:
# with code $(Z_1+h(Z_2),Z_2)$ the model holds again, with another $V$ and another $\ell$, and the formula for $a^*$ goes through for every $a^*$, provided that the new $V$ has full support. With $k=1$ all $a^*$ lie on one line through the states, and that line can be followed. What is open is how to estimate it: the second stage now needs $\ell$ in two
# dimensions, of which one is not pinned down.
# ```{solution-end}
# ```
#
# ## Versions

# %%
paper.versions("numpy", "scipy", "torch", "scikit-learn")
