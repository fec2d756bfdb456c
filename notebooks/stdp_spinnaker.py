# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent, format_version: '1.3'}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Recognising a word after one showing
#
# A synapse that follows spike-timing-dependent plasticity (STDP) changes a little whenever a spike before it and a spike
# behind it fall close together. Such changes are small and slow; recognising something after having seen it *once* seems out
# of their reach. {cite:t}`davies2025supervised` get there with two tricks. A teacher makes the output neuron fire at the right
# moment of a single showing, and afterwards all weights are multiplied by one number, the *homeostatic factor*, chosen as the
# smallest that lets the trained word fire the output.
#
# With one 10-bit word their network on the SpiNNaker machine makes no error on all 1,024 words. With two words, or three, it
# begins to accept words that it never saw, and to refuse words that it was taught. Is that a weakness of spikes, of the
# learning rule, of 16-bit weights, or of something simpler? The input space is small enough to test every word, nothing in
# the experiment is random, and the authors published their result tables, so the question can be answered to the last word.
#
# *Time to read: 30 minutes. Needed: what a leaky integrate-and-fire neuron is; accuracy, false
# positives and false negatives.*

# %% [markdown]
# ## Claims
#
# Criteria were fixed before this page was run; for claims marked *pilot* a pilot had been seen. The paper's numbers come from the tables the authors published with their code;
# "numpy" is this book's own spiking simulation. Claims c6a and c6b are questions of ours and carry no verdict.

# %%
from paperlab import Paper, plots

paper = Paper("stdp_spinnaker")
paper.header()

# %% [markdown]
# ## Parameters
#
# `patterns`, `engine` and `n_bits` belong to *your* network, the one of the second experiment. The learning parameters
# (`tau_stdp` to `delta_semantics`) apply to every network on the page, so turning them shows which claims depend on them. The
# last five lines are what the recorded full run enlarges.

# %% tags=["parameters"]
seed: int = 0  # [0, 4294967295] seed of the random triples, the only random thing on this page
patterns: list[int] = [992, 1008]  # [0, 65535] trained words of your network: 1 to 6, each below 2^n_bits
engine: str = "numpy"  # {numpy, nest, brian2, formula} what computes your network
n_bits: int = 10  # [4, 16] bits of a word in your network
tau_stdp: float = 5.0  # [1, 50] time constant of both STDP windows, ms
A_plus: float = 1.0  # [0.1, 10] weight change where the input spike comes first, nA
A_minus: float = -1.0  # [-10, 10] amplitude where the output spike comes first, nA; negative strengthens too
weight_bits: int = 7  # [0, 14] fraction bits to which weight changes are truncated; 0 means real numbers
delta_semantics: str = "current_step"  # {current_step, voltage_jump, late_jump} what an input does: SpiNNaker's, NEST's or Brian2's reading
n_triples: int = 500  # [50, 5000] random triples of words
scaling_bits: list[int] = [8, 10]  # [6, 16] word lengths in the experiment on scale
all_cases_on_nest: bool = False  # train and test all 82 published cases on NEST (about 10 minutes)
n_brian2_pairs: int = 0  # [0, 14] published pairs to train and test on Brian2 (minutes)
map_on_spinnaker: bool = False  # let sPyNNaker place and route the networks on a virtual board (about 1 minute)
# rule: len(patterns) <= 6 and max(patterns) < 2**n_bits
# rule: max(spiking.formula.summed_similarity(patterns, patterns, n_bits)) > 0
# rule: weight_bits == 0 or A_plus * exp(-5 / tau_stdp) * 2**weight_bits >= 1
# data: spinnaker_stdp

# %% [markdown]
# ## Setup

# %%
import math
import tempfile
import warnings
from collections import Counter
from dataclasses import asdict
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.stats import spearmanr

from paperlab import datasets
from paperlab.methods.spiking import engine as simulated
from paperlab.methods.spiking import formula, network, spinnaker, words
from paperlab.methods.spiking.formula import Stdp

plots.style()

stdp = Stdp(tau_stdp, A_plus, A_minus)
learn = {"weight_bits": weight_bits, "delta_semantics": delta_semantics}
if not 1 <= len(patterns) <= 6:
    raise ValueError(f"patterns must hold 1 to 6 words, got {len(patterns)}")
checked = words.check_patterns(patterns, n_bits)

# %% [markdown]
# The authors' tables: one network trained on a single word, 14 on a pair, 67 on three words (which may repeat).

# %%
authors = datasets.load("spinnaker_stdp")
pairs = authors["metrics_2"].sort_values(["HD0,1", "Code Word 1"]).reset_index(drop=True)
triples = authors["metrics_3"]
pair_words = pairs[["Code Word 0", "Code Word 1"]].to_numpy().tolist()
triple_words = triples[["Code Word 0", "Code Word 1", "Code Word 2"]].to_numpy().tolist()


def case_or_none(patterns, **options):
    """A spiking network trained on the patterns; None where no factor makes it fire (a reader's parameters may do that)."""
    try:
        return simulated.run_case(patterns, stdp, **learn, **options)
    except formula.NoFactorError:
        return None


def counts(values):
    """Whole numbers for a table; a gap where there is none."""
    return pd.array(np.asarray(values, dtype=float), dtype="Int64")


def results(cases, name):
    """One metric of many cases; NaN where a case has no factor."""
    found = [np.nan if case is None else getattr(case.metrics, name) for case in cases]
    return np.array(found, dtype=float)


plots.table(pairs.iloc[[0, 2, -1], :6], caption="Three of the 14 rows of the authors' table for pairs", digits=5)

# %% [markdown]
# ## Model
#
# **Training.** Each of the $N = 10$ bits has two *injector* neurons, one that fires when the bit is 1 and one that fires when it is
# 0. Injectors of 1 bits excite one output neuron, injectors of 0 bits inhibit another, through plastic synapses that start at
# weight 0. All neurons are leaky integrate-and-fire with $\tau_m = 20$ ms and a threshold 15 mV above rest. In 75 ms the word is
# shown three times, the teacher makes both outputs fire once, at 31 ms, and at 66 ms every injector fires once more, because
# SpiNNaker applies a weight change only when the next input spike arrives.
#
# **Plasticity.** A spike pair at distance $\Delta$ changes the weight by
#
# $$
# \Delta w = +A_+\, e^{-\Delta/\tau} \ \text{(input first)}, \qquad
# \Delta w = -A_-\, e^{-\Delta/\tau} \ \text{(output first)}, \qquad \tau = 5\ \text{ms},
# $$ (stdp-rule)
#
# with $A_+ = 1$ and $A_- = -1$ (`A_plus`, `A_minus`), so *both* orders strengthen. The delay of 1 ms is dendritic: the synapse sees
# the output spike of 31 ms at 32 ms. Injectors of 1 bits fire at 27 ms and those of 0 bits at 37 ms, both 5 ms away, and each
# active synapse should learn $w = e^{-1} = 0.368$, whatever its bit.
#
# **Merging and test.** Over the trained words $p_k$ the weights are summed, $W_1 = \sum_k w_\text{exc}^{(k)}$,
# $W_0 = \sum_k w_\text{inh}^{(k)}$, and scaled by the factor $h$. In the test network injector "1" of a bit reaches the output with
# $+hW_1$ and $-hW_0$, injector "0" with $+hW_0$ and $-hW_1$. All inputs arrive in one time step, so the output neuron adds up
#
# $$
# h\,S(x) = h\,w \sum_k \bigl(N - 2\,\mathrm{HD}(x, p_k)\bigr),
# $$ (summed-hd)
#
# where HD is the Hamming distance. It fires if $h\,S(x) \ge \theta$. SpiNNaker treats an input as a current that lasts one time step
# $dt$ = 1 ms, so $\theta = 15 / (20\,(1 - e^{-dt/\tau_m})) = 15.378$. In NEST it is a jump of the
# voltage and $\theta = 15$; in Brian2 the jump follows the test of the threshold and decays for one step before the next, so $\theta = 15\,e^{dt/\tau_m} = 15.769$.
#
# **Homeostasis.** Each trained word gets the smallest factor that makes it fire; the largest of them is used:
#
# $$
# h = \max_k \frac{\theta}{S(p_k)} \quad\Longrightarrow\quad x \text{ is identified} \iff S(x) \ge \min_{k:\,S(p_k) > 0} S(p_k).
# $$ (ball)
#
# Neither the weight nor the threshold is left in {eq}`ball`. If that is right, the spiking network is a ball in *summed Hamming
# distance*, and everything else on this page follows from it. The closed form is ours, not the paper's; the simulation below
# does not use it.

# %% [markdown]
# ## Results
#
# ### One showing
#
# Training on the word 992, in bits 1111100000, step by step.

# %%
showing = simulated.train(992, stdp, **learn)
expected = formula.learned_weights(stdp, weight_bits=weight_bits)
real_valued = simulated.train(992, stdp, **(learn | {"weight_bits": 0}))
trained = pd.DataFrame(
    {
        "bit 1, exciting": [showing.weights_exc[0], expected.active_exc, real_valued.weights_exc[0]],
        "bit 0, inhibiting": [showing.weights_inh[-1], expected.active_inh, real_valued.weights_inh[-1]],
        "silent": [showing.weights_exc[-1], expected.silent, real_valued.weights_exc[-1]],
    },
    index=["simulated", "sum over nearest pairs", "simulated, real-valued weights"],
)
paper.glue(
    w=showing.weights_exc[0],
    w256=showing.weights_exc[0] * 256,
    w_exc_real=real_valued.weights_exc[0],
    w_inh_real=real_valued.weights_inh[-1],
)
plots.table(trained, caption="Weights after one showing of 992 (nA)", digits=4)

# %% mystnb={"figure": {"caption": "One training run on the word 992. Above: spikes of the injectors (blue: 1 bits, exciting; red: 0 bits, inhibiting) and of the two outputs; the dashed line is the output spike as the synapses see it. Below: the weight of one synapse of each kind; grey, dotted: exp(-1).", "name": "stdp-training"}, "image": {"alt": "Upper panel: five injectors of 1 bits fire at 2, 27, 57 and 66 ms, five of 0 bits at 7, 37, 60 and 66 ms, all others at 66 ms, both outputs at 31 ms. Lower panel: both active weights jump from 0 to 0.367, one at 57 ms and the other at 37 ms, and stay there; the silent weight remains 0."}} tags=["hide-input"]
fig, (ax, below) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, height_ratios=[1.6, 1])
for first, colour, marker in ((0, "C0", "o"), (10, "C1", "s")):
    t, j = np.nonzero(showing.spikes[:, first : first + 10])
    ax.plot(t, 21 - first - j, marker, color=colour, ms=4)
t, j = np.nonzero(showing.spikes[:, 20:])
ax.plot(t, np.where(j == 0, 0, -1), "D", color="C2", ms=5)
ax.axvline(32, color="0.5", ls="--", lw=1)
ax.set(yticks=[16.5, 6.5, -0.5], yticklabels=["injectors of\n1 bits", "injectors of\n0 bits", "outputs"], ylim=(-2, 22))
below.axhline(math.exp(-1), color="0.6", ls=":")
below.step(range(75), showing.trace[:, 0], where="post", label="1 bit, onto the exciting output")
below.step(range(75), showing.trace[:, 19], where="post", ls="--", label="0 bit, onto the inhibiting output")
below.step(range(75), showing.trace[:, 9], where="post", ls="-.", color="C3", label="silent (0 bit, exciting)")
below.axvline(32, color="0.5", ls="--", lw=1)
below.set(xlabel="time (ms)", ylabel="weight (nA)", xlim=(0, 75))
below.legend(loc="center right", fontsize=8)
plt.show()

# %% [markdown]
# The exciting weight moves only at 57 ms although its pair is complete at 32 ms: changes wait for the next input spike. With the
# default parameters each active synapse ends at {glue:text}`w:.7f`, or {glue:text}`w256:.0f`/256, which is what the authors recorded on the
# hardware for every active synapse.
#
# That equality is bought by rounding. A pair 25 ms apart still adds $e^{-5} = 0.007$, and the two kinds of synapse have different
# pairs of that sort: with real numbers they learn {glue:text}`w_exc_real:.4f` and {glue:text}`w_inh_real:.4f`, so excitation and
# inhibition no longer cancel exactly. On SpiNNaker a weight is a 16-bit word whose resolution follows from the largest input a neuron
# may receive. For the training network that gives 7 fraction bits (sPyNNaker confirms it below), a change below 1/128 is
# lost, and the long-range pairs vanish. Here fixed-point arithmetic makes the memory *cleaner*.

# %% [markdown]
# ### Your network
#
# The words in `patterns`, trained and tested with `engine` on all $2^{N}$ words.

# %%
if engine == "numpy":
    yours = simulated.run_case(patterns, stdp, n_bits=n_bits, **learn)
    identified, factor = yours.identified, yours.factor
elif engine == "formula":
    weight = formula.learned_weights(stdp, weight_bits=weight_bits).active_exc
    identified = formula.identified(patterns, n_bits=n_bits)
    factor = formula.factor(patterns, n_bits=n_bits, weight=weight, delta_semantics=delta_semantics)
else:
    (yours,) = network.run_cases([patterns], engine, stdp, n_bits=n_bits)
    identified, factor = yours.identified, yours.factor

found = np.flatnonzero(identified)
listing = pd.DataFrame(
    {
        "word": found,
        "bits": [f"{w:0{n_bits}b}" for w in found],
        "trained": ["yes" if w in patterns else "" for w in found],
        "summed similarity": formula.summed_similarity(found, patterns, n_bits),
    }
).sort_values("summed similarity", ascending=False)
print(f"{engine}: factor {factor:.5f}, {len(found)} of {2**n_bits} words identified")
metrics = asdict(words.metrics(identified, patterns))
print({name: round(value, 4) for name, value in metrics.items()})
plots.table(listing.head(12), caption="Words your network identifies (at most 12 shown)")

# %% [markdown]
# ### One word: an ideal detector (c1, c2)
#
# Every one of the 1,024 words in turn as the trained one, each network tested on all 1,024 words: a million test runs.

# %%
single = [case_or_none([word]) for word in range(1024)]
ideal = np.mean((results(single, "TP") == 1) & (results(single, "FP") == 0) & (results(single, "FN") == 0))
one = single[992]
factor_992 = one.factor if one is not None else 0.0
paper.measure(c1=ideal, c2=factor_992)
paper.glue(
    ideal=100 * ideal,
    factor=factor_992,
    factor_authors=authors["metrics_1"]["Homeostasis factor"].item(),
)
print(f"ideal detectors: {ideal:.1%} of 1,024; factor of 992: {factor_992:.5f}")

# %% [markdown]
# {glue:text}`ideal:.0f` % of the single-word networks are ideal detectors. The factor for 992 is {glue:text}`factor:.5f`; the authors report
# {glue:text}`factor_authors:.5f`. The small gap is again a matter of 16 bits, taken up under c6.
#
# A single word is the easy case: only the word itself has the full sum $N w$, the next best words lose $2w$. It also answers
# how the factor may let a network "detect similar, not only equal" words, which the abstract offers as a use: a larger factor
# lowers the bar, one Hamming shell at a time.

# %% mystnb={"figure": {"caption": "Words identified by the network trained on 992 when its factor is multiplied further. Points: simulated; grey steps: all words up to a Hamming distance of 0, 1, 2, 3 and 4 from 992.", "name": "stdp-tolerance"}, "image": {"alt": "A staircase rising from 1 word through 11, 56 and 176 to 386 words as the factor grows from one to six times its value; simulated points lie on the steps."}} tags=["hide-input"]
multiples = np.linspace(0.9, 6, 52)
shells = np.cumsum([math.comb(10, r) for r in range(5)])
fig, ax = plt.subplots(figsize=(7, 3.2))
limits = [10 / (10 - 2 * r) for r in range(5)]
ax.step([0.9, *limits, 6], [0, *shells, shells[-1]], where="post", color="0.6", lw=5, label="closed form: Hamming balls")
if one is not None:
    fired_words = [simulated.identify(range(1024), one.w1, one.w0, m * one.factor, delta_semantics=delta_semantics).sum() for m in multiples]
    ax.plot(multiples, fired_words, "o", ms=3, label="simulated")
ax.set(xlabel="factor, relative to the smallest that identifies 992", ylabel="words identified (of 1,024)")
ax.legend()
plt.show()

# %% [markdown]
# ### Two words (c3, c4)
#
# If two words differ in $d$ bits, the weights of those bits cancel: the exciting weight one word has left meets the inhibiting
# weight of the other. The network should then ignore the $d$ bits altogether and accept all $2^d$ words that agree with the
# pair elsewhere.

# %%
pair_cases = [case_or_none(pair) for pair in pair_words]
pair_table = pd.DataFrame(
    {
        "d": pairs["HD0,1"],
        "second word": pairs["Code Word 1"],
        "positives": counts(results(pair_cases, "positives")),
        "authors": pairs["Positives"],
        "factor": [np.nan if c is None else c.factor for c in pair_cases],
        "authors' factor": pairs["Homeostasis factor"],
        "accuracy": results(pair_cases, "accuracy"),
    }
)
deviation = np.abs(pair_table["factor"] / pair_table["authors' factor"] - 1).fillna(1.0)
paper.measure(c3=(pair_table["positives"] == pair_table["authors"]).sum(), c4=deviation.max())
paper.glue(
    pairs_equal=(pair_table["positives"] == pair_table["authors"]).sum(),
    pairs_deviation=100 * deviation.max(),
)
paper.keep("pairs", pair_table)
plots.table(pair_table, caption="992 with a second word at distance d", digits=5)

# %% tags=["hide-input", "thumbnail"] mystnb={"figure": {"caption": "Networks trained on 992 and a second word. Left: words identified against the Hamming distance d; the line is 2^d. Right: accuracy. Grey squares: the authors' table.", "name": "stdp-pairs"}, "image": {"alt": "Left: on a logarithmic axis the number of identified words doubles with each bit, from 2 at distance 1 to 512 at distance 9, simulated points inside the authors' squares. Right: accuracy stays near 1 up to distance 4 and falls to 0.5 at distance 9."}}
fig, (ax, right) = plt.subplots(1, 2, figsize=(7, 3.2))
d = np.arange(1, 10)
ax.plot(d, 2.0**d, "-", color="C0", lw=1, label="$2^d$")
ax.plot(pairs["HD0,1"], pairs["Positives"], "s", color="0.6", ms=9, label="paper")
ax.plot(pair_table["d"], pair_table["positives"], "o", color="C1", ms=4, label="here, spiking")
ax.set(xlabel="Hamming distance of the pair", ylabel="words identified", yscale="log", xticks=d)
ax.set_yticks(2**d, [str(v) for v in 2**d])
ax.minorticks_off()
ax.legend()
right.plot(d, 1 - (2.0**d - 2) / 1024, "-", color="C0", lw=1)
right.plot(pairs["HD0,1"], pairs["Accuracy"], "s", color="0.6", ms=9)
right.plot(pair_table["d"], pair_table["accuracy"], "o", color="C1", ms=4)
right.set(xlabel="Hamming distance of the pair", ylabel="accuracy", xticks=d, ylim=(0.45, 1.03))
plt.show()

# %% [markdown]
# {glue:text}`pairs_equal` of 14 pairs identify exactly as many words as in the authors' table, and the factors agree within
# {glue:text}`pairs_deviation:.3f` %. The network stores what the two words have in common and forgets the rest. Accuracy hides
# how strong that is: at $d = 9$ half of all words are accepted, precision is 2 in 512, and accuracy still reads 0.5.
#
# At $d = 10$ nothing is in common. The authors list the pair 992 and 31 among those to test, but their result table has no row
# for it, and here is why:

# %%
try:
    simulated.run_case([992, 31], stdp, **learn)
except ValueError as error:
    print(error)

# %% [markdown]
# ### Three words (c5)
#
# With three words the bits vote. A word that disagrees too often with the other two has $S(p_k) \le 0$: no positive factor can make it
# fire, and it is a false negative from the start.

# %%
triple_cases = [case_or_none(t) for t in triple_words]
triple_table = pd.DataFrame(
    {
        "words": [" ".join(map(str, t)) for t in triple_words],
        "sum of distances": [words.summed_distance(t) for t in triple_words],
        "positives": counts(results(triple_cases, "positives")),
        "authors": triples["Positives"],
        "FN": counts(results(triple_cases, "FN")),
        "authors' FN": triples["False Negatives"],
        "accuracy": results(triple_cases, "accuracy"),
        "authors' accuracy": triples["Accuracy"],
        "factor": [np.nan if c is None else c.factor for c in triple_cases],
        "authors' factor": triples["Homeostasis factor"],
    }
)
same_fn = triple_table["FN"] == triple_table["authors' FN"]
gap = np.abs(triple_table["accuracy"] - triple_table["authors' accuracy"]).fillna(1.0)
degenerate = triple_table["authors' factor"] > 100
paper.measure(c5a=same_fn.mean(), c5b=(gap <= 0.02).mean())
paper.keep("triples", triple_table)

summary = pd.DataFrame(
    {
        "here": [results(triple_cases, "accuracy").mean(), results(triple_cases, "accuracy").min(), results(triple_cases, "accuracy").max(),
                 (results(triple_cases, "FN") > 0).sum(), results(triple_cases, "precision").mean(), results(triple_cases, "sensitivity").mean()],
        "authors": [triples["Accuracy"].mean(), triples["Accuracy"].min(), triples["Accuracy"].max(),
                    (triples["False Negatives"] > 0).sum(), triples["Precision"].mean(), triples["Sensitivity"].mean()],
    },
    index=["accuracy, mean", "accuracy, smallest", "accuracy, largest", "networks with false negatives", "precision, mean", "sensitivity, mean"],
)  # fmt: skip
paper.glue(
    fn_rows=same_fn.sum(),
    acc_rows=(gap <= 0.02).sum(),
    exact_rows=(triple_table["positives"] == triple_table["authors"]).sum(),
    fn_65=100 * same_fn[~degenerate].mean(),
    acc_65=100 * (gap <= 0.02)[~degenerate].mean(),
)
plots.table(summary, caption="67 networks trained on three words")

# %%
plots.table(triple_table[degenerate].set_index("words"), caption="Degenerate rows of the authors' table", digits=4)

# %% [markdown]
# False negatives agree in {glue:text}`fn_rows` of 67 rows, accuracy within 0.02 in {glue:text}`acc_rows`, and the number of identified words
# exactly in {glue:text}`exact_rows`.
#
# Two rows of the authors' table are degenerate. For 0, 0, 1023 and 0, 0, 511 the third word drives the output *down*, and no
# factor should make it fire; the table gives factors of 892 and 28,269, far beyond all others. Such a factor is not a threshold of
# the network. A possible cause is overflow: at 892 the net input times the membrane resistance reaches -65,525, and
# SpiNNaker's numbers end at 65,536. The claims count these two rows like all others; without them the shares would be
# {glue:text}`fn_65:.1f` % and {glue:text}`acc_65:.1f` %.

# %% mystnb={"figure": {"caption": "Accuracy (colour) over the three Hamming distances of the words, the view of Figure 6 in the paper. Left: here. Right: the authors' table.", "name": "stdp-triples"}, "image": {"alt": "Two three-dimensional scatters of 67 points with the same pattern in both: bright points, accuracy near 1, at small distances, dark points towards 0.6 in the middle of the cloud, and bright points again at its far edge, where one word lies far from two similar ones. Only two points at the far edge are dark on the right and bright on the left."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), subplot_kw={"projection": "3d"})
for ax, column, title in zip(axes, ("accuracy", "authors' accuracy"), ("here", "paper")):
    image = ax.scatter(triples["HD0,1"], triples["HD0,2"], triples["HD(1,2)"], c=triple_table[column], vmin=0.5, vmax=1, s=28, depthshade=False)
    ax.set(xlabel="HD$_{01}$", ylabel="HD$_{02}$", title=title, zticks=[0, 5, 10], xticks=[0, 2, 4, 6], yticks=[0, 5, 10])
    ax.view_init(elev=18, azim=-62)
    ax.text2D(0.02, 0.80, "HD$_{12}$ (vertical)", transform=ax.transAxes, fontsize=8)
fig.colorbar(image, ax=axes, label="accuracy", shrink=0.7)
plt.show()

# %% mystnb={"figure": {"caption": "Accuracy of the 67 networks trained on three words: here against the authors' table. The line marks equality, the band 0.02 to either side; crosses are the two degenerate rows.", "name": "stdp-agreement"}, "image": {"alt": "Most points lie on the diagonal or just beside it, some up to 0.1 away; two crosses lie far above it, at authors' accuracies of 0.5 and 0.62."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.6, 4.2))
ax.fill_between([0.48, 1.01], [0.46, 0.99], [0.50, 1.03], color="0.9")
ax.plot([0.48, 1.01], [0.48, 1.01], color="0.6")
ax.plot(triples["Accuracy"][~degenerate], triple_table["accuracy"][~degenerate], "o", ms=4)
ax.plot(triples["Accuracy"][degenerate], triple_table["accuracy"][degenerate], "x", ms=7, color="C1")
ax.set(xlabel="accuracy, paper", ylabel="accuracy, here", xlim=(0.48, 1.01), ylim=(0.48, 1.02))
plt.show()

# %% [markdown]
# ### Which words differ, and does rounding explain them? (c6)
#
# Where the positives differ, they differ by words exactly on the edge of the ball, with $S(x)$ equal to the sum of the weakest
# trained word. In exact arithmetic all of them fire together. On a 16-bit grid each scaled weight is rounded on its own, the sums are
# no longer equal, and a part of the edge falls out.
#
# First the obvious test: round all scaled weights $hW$ to a fixed grid of $2^{-k}$, to the nearest value or towards zero, and repeat
# search and test. Then a rule without a free parameter. In sPyNNaker's source the number of fraction bits follows from the
# network: bound the summed input of a neuron by (largest weight × number of synapses) over its projections, take the next
# power of two $2^p$, and keep $15 - p$ fraction bits. The grid then changes with the factor during the search itself.


# %%
def agreement(**options):
    """Rows of 67 with the authors' number of positives, and with their factor to all five digits."""
    cases = [case_or_none(t, limit=100, **options) for t in triple_words]
    factors = np.array([np.nan if c is None else c.factor for c in cases])
    same = results(cases, "positives") == triples["Positives"].to_numpy()
    return same.sum(), (np.abs(factors - triples["Homeostasis factor"]) < 1.5e-5).sum(), cases


rows = []
for k in range(3, 15):
    nearest, truncated = agreement(drive_bits=k), agreement(drive_bits=k, rounding="floor")
    rows.append({"grid": f"2^-{k}", "nearest": nearest[0], "nearest, factor": nearest[1], "truncated": truncated[0], "truncated, factor": truncated[1]})
scan = pd.DataFrame(rows)
exact = agreement()
rule = agreement(drive_bits="spinnaker")
rule_pairs = [case_or_none(pair, limit=100, drive_bits="spinnaker") for pair in [[992], *pair_words]]
rule_pair_factors = np.array([np.nan if c is None else c.factor for c in rule_pairs])
known = np.r_[authors["metrics_1"]["Homeostasis factor"], pairs["Homeostasis factor"]]
rule_digits = int((np.abs(rule_pair_factors - known) < 1.5e-5).sum())
paper.measure(c6a=scan[["nearest", "truncated"]].to_numpy().max(), c6b=rule[0])
paper.keep("rounding", scan)
paper.glue(
    exact=int(exact[0]),
    exact_factor=int(exact[1]),
    best=int(scan[["nearest", "truncated"]].to_numpy().max()),
    best_factor=int(scan[["nearest, factor", "truncated, factor"]].to_numpy().max()),
    rule=int(rule[0]),
    rule_factor=int(rule[1]),
    rule_digits=rule_digits,
)
unexplained = triple_table[["words", "positives", "authors", "factor", "authors' factor"]].assign(
    rule=counts(results(rule[2], "positives")), rule_factor=[np.nan if c is None else c.factor for c in rule[2]]
)
unexplained = unexplained[unexplained["rule"] != unexplained["authors"]].set_index("words")
paper.glue(
    left_over=len(unexplained),
    left_same_factor=int((np.abs(unexplained["rule_factor"] - unexplained["authors' factor"]) < 1.5e-5).sum()),
)
display(plots.table(scan.set_index("grid"), caption="Rows (of 67) that agree with the authors when scaled weights are rounded to a fixed grid"))
plots.table(unexplained, caption="Rows that sPyNNaker's rule does not explain", digits=5)

# %% mystnb={"figure": {"caption": "Triples (of 67) that agree with the authors' table when scaled weights are rounded to a grid. Left: same number of identified words. Right: same factor to all five digits. Green: the grid follows sPyNNaker's rule; grey, dashed: no rounding.", "name": "stdp-rounding"}, "image": {"alt": "Left: every fixed grid agrees in between 41 and 54 rows, without rounding it is 41, with sPyNNaker's rule 57. Right: fixed grids agree in at most 17 rows, without rounding in none, with sPyNNaker's rule in 54."}} tags=["hide-input"]
fig, (ax, right) = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True)
for axis, suffix, number in ((ax, "", 0), (right, ", factor", 1)):
    axis.plot(range(3, 15), scan["nearest" + suffix], "o-", label="fixed grid, to the nearest")
    axis.plot(range(3, 15), scan["truncated" + suffix], "s--", label="fixed grid, towards zero")
    axis.axhline(exact[number], color="0.6", ls="--", label="no rounding")
    axis.axhline(rule[number], color="C2", lw=2, label="sPyNNaker's own grid")
    axis.set(xlabel="fraction bits of the fixed grid, $k$", ylim=(-2, 67), xticks=range(3, 15, 2))
ax.set(ylabel="rows in agreement (of 67)", title="words identified")
right.set(title="factor, five digits")
ax.legend(loc="lower right", fontsize=7)
plt.show()

# %% [markdown]
# Without rounding {glue:text}`exact` rows agree in the number of words, with the best fixed grid {glue:text}`best`, with sPyNNaker's rule
# {glue:text}`rule`. That alone would be thin. The factors say it more sharply: to all five digits, {glue:text}`exact_factor` triples agree
# without rounding, {glue:text}`best_factor` on the best fixed grid, and {glue:text}`rule_factor` with the rule; and so do
# {glue:text}`rule_digits` of the 15 networks with one or two words. So many equal digits are hard to get by chance: what separates the ideal network from
# the published one is mostly the grid of its weights.
#
# {glue:text}`left_over` rows stay unexplained. Two are the degenerate ones. In {glue:text}`left_same_factor` the factor is the authors' to the last digit and
# only the number of words differs, so search and test cannot have run on the same grid there; we did not find out why. In the others the
# search seems to have taken another path: on a moving grid the output can fire at one factor, fall silent at a slightly larger one and fire
# again. The factors above 100 cannot come from the published script, which gives up there, so at least part of the
# table stems from another version of it. All of this is explanation after the fact, and carries no verdict.

# %% [markdown]
# ### Similar words are remembered better (c7)
#
# The abstract links accuracy to the similarity of the patterns. The sum of the three Hamming distances measures
# dissimilarity; a negative rank correlation is what the paper predicts. Random triples are a fairer sample than the authors' list,
# which covers each combination of distances once.

# %%
rng = paper.rng()
random_triples = [rng.choice(1024, size=3, replace=False).tolist() for _ in range(n_triples)]
random_cases = [case_or_none(t) for t in random_triples]
random_accuracy = results(random_cases, "accuracy")
random_sums = np.array([words.summed_distance(t) for t in random_triples])


def rank_correlation(sums, accuracy):
    """Spearman's correlation over the cases that have a result; 0 where none can be computed."""
    known = np.isfinite(accuracy)
    value = spearmanr(np.asarray(sums)[known], accuracy[known]).statistic if known.sum() > 2 else 0.0
    return float(value) if np.isfinite(value) else 0.0


rho_authors_list = rank_correlation(triple_table["sum of distances"], results(triple_cases, "accuracy"))
rho_their_accuracy = rank_correlation(triple_table["sum of distances"], triples["Accuracy"].to_numpy())
rho_random = rank_correlation(random_sums, random_accuracy)
paper.measure(c7a=rho_authors_list, c7b=rho_random)
paper.glue(
    rho=rho_authors_list,
    rho_theirs=rho_their_accuracy,
    rho_random=rho_random,
    mean_random=np.nanmean(random_accuracy),
    n_random=len(random_triples),
)

# %% mystnb={"figure": {"caption": "Accuracy against the sum of the three Hamming distances. Left: the authors' 67 triples; grey squares: their table. Right: random triples; the band holds 80 % of them, the line is the median.", "name": "stdp-similarity"}, "image": {"alt": "Left: accuracy falls from 1 to about 0.6 as the sum of distances grows to 12, with a group of points near 1 at large sums that have false negatives instead. Right: the median accuracy of random triples falls until the sum reaches 18 and rises at 20, with a band that grows wide."}} tags=["hide-input"]
fig, (ax, right) = plt.subplots(1, 2, figsize=(7, 3.3), sharey=True)
ax.plot(triple_table["sum of distances"], triples["Accuracy"], "s", color="0.7", ms=7, label="paper")
lost = results(triple_cases, "FN") > 0
ax.plot(triple_table["sum of distances"][~lost], triple_table["accuracy"][~lost], "o", ms=4, label="here, all words found")
ax.plot(triple_table["sum of distances"][lost], triple_table["accuracy"][lost], "^", ms=5, label="here, a word lost")
ax.set(xlabel="sum of the Hamming distances", ylabel="accuracy")
ax.legend(fontsize=8, loc="lower left")
by_sum = pd.DataFrame({"s": random_sums, "a": random_accuracy}).groupby("s")["a"]
band = by_sum.quantile([0.1, 0.5, 0.9]).unstack()
right.fill_between(band.index, band[0.1], band[0.9], alpha=0.3, color="C0")
right.plot(band.index, band[0.5], "o-", ms=4, color="C0")
right.set(xlabel="sum of the Hamming distances", xticks=range(6, 21, 2))
plt.show()

# %% [markdown]
# The rank correlation is {glue:text}`rho:.2f` on the authors' triples ({glue:text}`rho_theirs:.2f` with their own accuracies) and
# {glue:text}`rho_random:.2f` on {glue:text}`n_random` random triples, whose mean accuracy is {glue:text}`mean_random:.3f`.
#
# The link has an exception that the left panel shows as triangles. Where two words are close and the third is far, the far word is
# simply given up; the ball around the other two is small, and since one missing word hardly counts among 1,024, accuracy is close
# to 1. With 3 positives in 1,024 words, accuracy rewards refusing; sensitivity or precision would tell another story.

# %% [markdown]
# ### Is it the spikes? A baseline without them
#
# Equation {eq}`ball` is a nearest-centroid classifier in disguise: for binary vectors the squared Euclidean distance to the mean of the
# patterns and the summed Hamming distance order all words alike. The peer below is `sklearn`'s `NearestCentroid`, fitted to
# the trained words (and, as the other class it demands, to their complements), with a radius that just admits the farthest trained
# word. A second one keeps one centroid *per word* and demands Hamming distance 0.

# %%
from sklearn.neighbors import NearestCentroid

everything = words.word_bits(range(1024), 10)


def one_centroid(patterns):
    bits = words.word_bits(patterns, 10)
    with warnings.catch_warnings():  # one word per class has no spread within the class, which the centroid does not need
        warnings.simplefilter("ignore")
        fitted = NearestCentroid().fit(np.vstack([bits, 1 - bits]), np.r_[np.ones(len(bits)), np.zeros(len(bits))])
    distance = ((everything - fitted.centroids_[1]) ** 2).sum(axis=1).round(9)
    return distance <= distance[patterns].max()


def centroid_per_word(patterns, radius=0):
    return (words.hamming(np.arange(1024)[:, None], np.array(patterns)) <= radius).any(axis=1)


comparison = []
for label, cases, list_of_patterns in (
    ("one word", single[:: 64], [[w] for w in range(0, 1024, 64)]), ("pairs", pair_cases, pair_words), ("triples", triple_cases, triple_words)
):  # fmt: skip
    merged = [one_centroid(p) for p in list_of_patterns]
    separate = [centroid_per_word(p) for p in list_of_patterns]
    positive = [case is not None and (formula.summed_similarity(p, p) > 0).all() for case, p in zip(cases, list_of_patterns)]
    same = [case is not None and (case.identified == m).all() for case, m in zip(cases, merged)]
    comparison.append(
        {
            "trained on": label,
            "networks": len(cases),
            "all words with S > 0": sum(positive),
            "of these, same words as one centroid": sum(s for s, p in zip(same, positive) if p),
            "accuracy, spiking": np.nanmean(results(cases, "accuracy")),
            "accuracy, one centroid": np.mean([words.metrics(m, p).accuracy for m, p in zip(merged, list_of_patterns)]),
            "accuracy, centroid per word": np.mean([words.metrics(m, p).accuracy for m, p in zip(separate, list_of_patterns)]),
        }
    )
comparison = pd.DataFrame(comparison).set_index("trained on")
paper.glue(
    centroid_same=int(comparison.loc["triples", "of these, same words as one centroid"]),
    centroid_of=int(comparison.loc["triples", "all words with S > 0"]),
)
plots.table(comparison, caption="Spiking networks and two classifiers without spikes")

# %% [markdown]
# Wherever all trained words have a positive sum, {glue:text}`centroid_same` of {glue:text}`centroid_of` triples accept exactly the words that one
# centroid accepts. (In the others the centroid's ball has to grow until it holds the word that the network gives up, which
# costs accuracy.) One centroid per word makes no error at all, with or without spikes. So the loss with several words is due to neither spikes
# nor plasticity; it comes from *merging* the words into one output neuron.

# %% [markdown]
# ### The same PyNN text on other simulators (c8)
#
# The networks are written once in PyNN and handed to NEST, to Brian2 and to sPyNNaker. One table in the library holds everything the
# simulators disagree about: which spikes form pairs, whether the delay lies before or behind the synapse, the unit of $A_\pm$, what an
# input does to the membrane, and where the membrane starts. Without a SpiNNaker board sPyNNaker maps the network onto a virtual one; it
# returns no spikes.

# %%
nest_patterns = [[992], [992, 1008], [992, 1016], [992, 1020], [992, 28]]
nest_cases = network.run_cases(nest_patterns, "nest", stdp)
numpy_cases = [case_or_none(p) for p in nest_patterns]
nest_showing = network.train(992, "nest", stdp)
brian_showing = network.train(992, "brian2", stdp)
pair_weight = math.exp(-5 / tau_stdp)
nest_deviation = max(
    abs(nest_showing.weights_exc[0] / (A_plus * pair_weight) - 1),
    abs(nest_showing.weights_inh[-1] / (-A_minus * pair_weight) - 1) if A_minus else 1.0,
)
nest_positives = [case.metrics.positives for case in nest_cases]
same_positives = results(numpy_cases, "positives") == nest_positives
paper.measure(c8a=nest_deviation, c8b=int(same_positives[1:4].sum()))

# %% [markdown]
# Brian2 needs minutes to test all words of a network, so here its learned weights are tested in the numpy engine with Brian2's reading of an
# input; the recorded full run tests them in Brian2 itself. The row of sPyNNaker comes from the record unless
# `map_on_spinnaker` is on.


# %%
brian_runs = {992: brian_showing}


def borrowed(patterns):
    """Train on Brian2, search and test in the numpy engine with Brian2's reading of an input."""
    for word in patterns:
        if word not in brian_runs:
            brian_runs[word] = network.train(word, "brian2", stdp)
    runs = [brian_runs[word] for word in patterns]
    w1, w0 = simulated.merge(runs)
    found = [simulated.find_factor(word, w1, w0, delta_semantics="late_jump") for word in dict.fromkeys(patterns)]
    found = [h for h in found if h is not None]
    if not found:
        return np.nan, np.nan
    return max(found), int(simulated.identify(range(1024), w1, w0, max(found), delta_semantics="late_jump").sum())


def backend_row(name, pairing, delay, exc, inh, threshold, factor, positives, note):
    row = {"back end": name, "pairs": pairing, "delay": delay, "bit 1": exc, "bit 0": inh, "threshold": threshold, "factor of 992": factor}
    return row | {f"d = {d}": int(value) if np.isfinite(value) else None for d, value in zip((1, 2, 3, 8), positives)} | {"note": note}


brian_single = borrowed([992])
brian_positives = [np.nan, np.nan, *(borrowed(p)[1] for p in ([992, 1020], [992, 28]))]
backends = [
    backend_row("numpy", "nearest", "dendritic", showing.weights_exc[0], showing.weights_inh[-1], formula.threshold(delta_semantics),
                factor_992, results(numpy_cases, "positives")[1:5], "weight changes truncated"),
    backend_row("NEST", "all", "dendritic", nest_showing.weights_exc[0], nest_showing.weights_inh[-1], 15.0,
                nest_cases[0].factor, nest_positives[1:5], "real-valued weights"),
    backend_row("Brian2", "all", "axonal", brian_showing.weights_exc[0], brian_showing.weights_inh[-1], formula.threshold("late_jump"),
                brian_single[0], brian_positives, "trained there, tested in numpy"),
]  # fmt: skip

if map_on_spinnaker:
    with tempfile.TemporaryDirectory() as folder:
        mapped = spinnaker.map_training(992, f"{folder}/training")
        mapped_25 = spinnaker.map_test(range(25), factor_992 * one.w1, factor_992 * one.w0, f"{folder}/test25")
        grids = []
        for p, case in (([992], one), ([992, 30], pair_cases[-1]), ([0, 7, 56], case_or_none([0, 7, 56]))):
            told = spinnaker.map_test([p[0]], case.factor * case.w1, case.factor * case.w0, f"{folder}/{'_'.join(map(str, p))}")
            grids.append({"patterns": " ".join(map(str, p)), "sPyNNaker": told.fraction_bits[0][0], "our rule": simulated.drive_fraction_bits(case.w1, case.w0, case.factor)})
    mapping = pd.DataFrame(
        [
            {"network": name, "populations": m.populations, "placements": m.placements, "of these for the network": m.cores_of_network,
             "chips": m.chips, "fraction bits, exciting": m.fraction_bits[0][0], "fraction bits, inhibiting": m.fraction_bits[-1][1], "seconds": m.seconds}
            for name, m in (("training", mapped), ("25 test networks", mapped_25))
        ]
    )  # fmt: skip
    grids = pd.DataFrame(grids)
    paper.keep("mapping", mapping)
    paper.keep("grids", grids)
else:
    mapping, grids = paper.record_table("mapping"), paper.record_table("grids")
placed = f"{int(mapping['placements'].iloc[0])} cores placed, no spikes" if mapping is not None else "not mapped in this run"
backends.append(backend_row("sPyNNaker", "nearest", "dendritic", np.nan, np.nan, formula.threshold("current_step"), np.nan, [np.nan] * 4, placed))
backends = pd.DataFrame(backends).set_index("back end").astype(dict.fromkeys(("d = 1", "d = 2", "d = 3", "d = 8"), "Int64"))
paper.keep("backends", backends)
paper.glue(
    nest_exc=nest_showing.weights_exc[0],
    nest_inh=nest_showing.weights_inh[-1],
    brian_exc=brian_showing.weights_exc[0],
    brian_inh=brian_showing.weights_inh[-1],
    nest_d8=nest_positives[4],
)
display(plots.table(backends, caption="The same PyNN text on four back ends: learned weights, factor, words identified for pairs at distance d", digits=4))
for table, caption in ((mapping, "What sPyNNaker does with the networks on a virtual board of 48 chips"), (grids, "Fraction bits of the test network: sPyNNaker's and the rule of c6b")):
    if table is not None:
        display(plots.table(table, caption=caption))

# %% [markdown]
# NEST learns {glue:text}`nest_exc:.4f` and {glue:text}`nest_inh:.4f` because it pairs every spike with every other and adds the tails, for example
# $e^{-5}$ of a pair 25 ms apart. The difference is small, but it stops excitation and inhibition from cancelling: at
# $d = 8$ NEST identifies {glue:text}`nest_d8` words. Rounding the learned weights to
# 1/256, as hardware would, should cure that:

# %%
(rounded,) = network.run_cases([[992, 28]], "nest", stdp, weight_grid=8)
paper.glue(nest_d8_rounded=rounded.metrics.positives)
print("NEST, learned weights rounded to 1/256, d = 8:", rounded.metrics.positives, "words")

# %% [markdown]
# With rounded weights NEST identifies {glue:text}`nest_d8_rounded` words at $d = 8$.
#
# Brian2's PyNN module takes the delay as axonal. The same two pairs are then 3 and 7 ms apart instead of 5 and 5, and the weights become
# {glue:text}`brian_exc:.4f` and {glue:text}`brian_inh:.4f`: 1 bits and 0 bits are not symmetric any more. PyNN makes a network run everywhere; it
# does not make it the same network everywhere, and a design that relies on two spike times being equally far from a third
# depends on such a detail.

# %%
if all_cases_on_nest:
    cases82 = [[992], *pair_words, *triple_words]
    reference = [one, *pair_cases, *triple_cases]
    published = np.r_[1, pairs["Positives"], triples["Positives"]]
    nest82 = []
    for grid in (None, 8):
        done = [c for i in range(0, 82, 8) for c in network.run_cases(cases82[i : i + 8], "nest", stdp, weight_grid=grid)]
        count = np.array([c.metrics.positives for c in done])
        nest82.append(
            {
                "learned weights": "as they are" if grid is None else "rounded to 1/256",
                "same words as numpy": sum(r is not None and (c.identified == r.identified).all() for c, r in zip(done, reference)),
                "same FN as numpy": sum(r is not None and c.metrics.FN == r.metrics.FN for c, r in zip(done, reference)),
                "authors' positives": int((count == published).sum()),
            }
        )
    nest82 = pd.DataFrame(nest82)
    paper.keep("nest82", nest82)
else:
    nest82 = paper.record_table("nest82")
if n_brian2_pairs:
    tested = network.run_cases(pair_words[:n_brian2_pairs], "brian2", stdp)
    brian14 = [
        {"d": int(words.hamming(*pair)), "second word": pair[1], "Brian2": run.metrics.positives, "FN on Brian2": run.metrics.FN, "factor on Brian2": run.factor,
         "numpy": None if case is None else case.metrics.positives}
        for pair, run, case in zip(pair_words, tested, pair_cases)
    ]  # fmt: skip
    brian14 = pd.DataFrame(brian14)
    paper.keep("brian14", brian14)
else:
    brian14 = paper.record_table("brian14")
for table, caption in ((nest82, "All 82 published cases trained, searched and tested on NEST"), (brian14, "Pairs trained, searched and tested on Brian2: words identified")):
    if table is None:
        print(f"{caption}: not in this run, and no full run is recorded.")
    else:
        display(plots.table(table, caption=caption))

# %% [markdown]
# With weights rounded to 1/256 NEST is the same detector as the numpy engine; as they are, a few cases lose or win words on the edge of the
# ball. On Brian2 the asymmetric weights turn pairs into lopsided balls: where the second word has fewer ones than 992, many more words
# are accepted, and the factor is no longer a function of $d$. (Both sentences refer to the recorded full run.)

# %% [markdown]
# ### Longer words
#
# The number of words accepted for a pair depends on $d$ alone, so with longer words the *share* of false positives shrinks. What about three
# random words? Each word length gets 30 random triples, tested on all $2^N$ words.

# %%
scale_rows = []
for n in scaling_bits:
    draws = paper.rng(n)
    tried = [case_or_none(draws.choice(2**n, size=3, replace=False).tolist(), n_bits=n) for _ in range(30)]
    scale_rows.append({"N": n, "accuracy": np.nanmean(results(tried, "accuracy")), "words accepted, median": np.nanmedian(results(tried, "positives")),
                       "share with false negatives": np.nanmean(results(tried, "FN") > 0)})  # fmt: skip
scale = pd.DataFrame(scale_rows)
paper.keep("scale", scale)
recorded_scale = paper.record_table("scale")
display(plots.table(scale.set_index("N"), caption="30 random triples for each word length, this run"))
if recorded_scale is not None and len(recorded_scale) > len(scale):
    display(plots.table(recorded_scale.set_index("N"), caption="The same in the recorded full run"))

# %% [markdown]
# Two random words of $N$ bits differ in about $N/2$ of them, so the distances grow along with the words. In the recorded full run longer words
# dilute the problem without solving it: the share of accepted words shrinks and accuracy creeps up, but the number of accepted words grows
# from dozens to thousands, of which three were trained. What would help is choosing the words, or giving each its own output.

# %% [markdown]
# ## Verdicts

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# ## What differs
#
# - **No board.** The paper's spikes come from SpiNNaker hardware. Here they come from a numpy engine written for this page, and from NEST and
#   Brian2; sPyNNaker only maps the networks.
# - **Weights.** Changes are truncated to 1/128, which is the resolution sPyNNaker gives this training network. Truncation to 1/256 would keep the
#   pairs 25 ms apart and give 95/256, not the recorded 94/256 (try `weight_bits` 8). The scaled weights of the test network are real numbers except
#   under c6.
# - **NEST and Brian2.** Words are shown to one copy of the network 500 ms apart, after which the membrane has forgotten all but
#   $e^{-25}$, instead of to 1,024 copies; factors are searched on a grid that narrows, not by bisection.
# - **Accuracy** over all 1,024 words is the paper's measure and is kept. With one to three words to find it rewards a network that refuses everything
#   (0.997 and more), so read it together with positives and false negatives.
# - The authors' recorded spikes and weights (pickled Python objects) were not opened.

# %% [markdown]
# ## Exercises

# %% [markdown]
# ```{exercise-start} Four bits apart
# :label: stdp-ex1
# ```
# Predict, without running anything, how many words the network trained on 992 (1111100000) and 1022 (1111111110) identifies, and which bits it looks
# at. Then check with the spiking engine.
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} stdp-ex1
# :class: dropdown
# ```
# The words differ in four bits, whose weights cancel; the other six decide. All $2^4 = 16$ words of the form 11111····0 have the
# same sum as the trained ones.

# %%
pair = case_or_none([992, 1022])
accepted = [] if pair is None else [f"{w:010b}" for w in np.flatnonzero(pair.identified)]
print(len(accepted), "words:", ", ".join(accepted[:4]), "...")
print("positions always 1:", [i for i in range(10) if accepted and all(w[i] == "1" for w in accepted)])
print("positions always 0:", [i for i in range(10) if accepted and all(w[i] == "0" for w in accepted)])

# %% [markdown]
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} Another factor
# :label: stdp-ex2
# ```
# The network uses the *largest* of the factors of its words. Replace it by the mean or the smallest one on the authors' 67 triples. What
# happens to false positives and false negatives? Is there a rule that never loses a trained word?
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} stdp-ex2
# :class: dropdown
# ```
# A smaller factor raises the bar, the ball shrinks, and the weaker words fall out of it.

# %%
outcome = []
for name, choose in (("max", max), ("mean", lambda h: sum(h) / len(h)), ("min", min)):
    total = Counter()
    for case in filter(None, triple_cases):
        h = choose([value for value in case.factors.values() if value is not None])
        fired = simulated.identify(range(1024), case.w1, case.w0, h, delta_semantics=delta_semantics)
        wrong = words.metrics(fired, case.patterns)
        total.update({"FP": wrong.FP, "FN": wrong.FN})
    outcome.append({"factor": name, "false positives": total["FP"], "false negatives": total["FN"]})
plots.table(pd.DataFrame(outcome).set_index("factor"), caption="Sums over 67 triples")

# %% [markdown]
# The largest factor loses the fewest words, but it cannot save those with $S(p_k) \le 0$: for them *no* positive factor works. Never losing a
# word would need another threshold for each, that is, one output neuron per word.
# ```{solution-end}
# ```

# %% [markdown]
# ```{exercise-start} A code without false positives
# :label: stdp-ex3
# ```
# Choose the words to be stored, as a designer of codes would: find sets of $K$ words of $N = 10$ bits for which the network makes no error. First
# find all types of triples; then look for a family with many words. (Open end: give each word its own output neuron, and compare how many random words can be stored
# with the capacity of a Hopfield network, about 0.14 $N$.)
# ```{exercise-end}
# ```

# %% [markdown]
# ```{solution-start} stdp-ex3
# :class: dropdown
# ```
# Up to flipping and reordering bits, a triple of distinct words is given by the numbers $a, b, c$ of bits in which only its first, second or third word
# stands alone.

# %%
perfect = []
kinds = [(a, b, c) for a in range(11) for b in range(a, 11) for c in range(b, 11 - a - b)]
for kind in kinds:
    a, b, c = kind
    triple = [(1 << a) - 1, ((1 << b) - 1) << a, ((1 << c) - 1) << (a + b)]
    all_found = (formula.summed_similarity(triple, triple) > 0).all()
    if len(set(triple)) == 3 and all_found and formula.identified(triple).sum() == 3:
        perfect.append(kind)
print("triples without any error, as (a, b, c):", perfect)
ball = [0] + [1 << i for i in range(10)]
stored = case_or_none(ball)
print(f"one word and its 10 neighbours, {len(ball)} words:", None if stored is None else {k: getattr(stored.metrics, k) for k in ("positives", "FP", "FN")})
sphere = [w for w in ball if w]
stored = case_or_none(sphere)
print(f"the 10 neighbours alone, {len(sphere)} words:", None if stored is None else {k: getattr(stored.metrics, k) for k in ("positives", "FP", "FN")})
spread = [list(t) for t in combinations((0, 0b0000011111, 0b1111100000, 0b1111111111), 3)]
print("words five bits apart:", [int(formula.identified(t).sum()) for t in spread])

# %% [markdown]
# The network stores a set without error only if the set is itself a ball in summed distance. A whole Hamming ball (a word and its neighbours)
# works as long as its radius stays below $N/2$; the same words without the centre do not, since the centre is nearer to all of them than they are to each
# other. That is the opposite of a good error-correcting code, whose words are far apart: this memory holds *regions*, not lists. One output neuron per
# word turns every word into the ideal detector of claim c1, so $2^N$ words can be stored with $2^N$ outputs, where a Hopfield network of $N$ neurons
# breaks down near 0.14 $N$ random words but needs no output of their own.
# ```{solution-end}
# ```

# %% [markdown]
# ## Versions

# %%
paper.versions("numpy", "numba", "scikit-learn", "PyNN", "nest-simulator", "brian2", "sPyNNaker")
