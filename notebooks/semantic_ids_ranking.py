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
# # A name that says what the video is about
#
# A model that ranks videos keeps a list of numbers for each of them, and finds it by the
# video's number. Millions of videos arrive every month, so the number is thrown into a
# table of fixed size by lot: two videos that share a row have nothing in common. Such a
# model remembers well what happened to a video. Of one uploaded this morning it knows
# nothing, although anybody who looks at it sees what it is about.
#
# Give the model what a machine sees in the video, then? {cite:t}`singh2023semantic` report
# that this makes YouTube's ranking *worse*: from content alone it cannot remember that
# this very video is loved. They replace the number by a *Semantic ID*, a short code made
# from the content, whose first letter says roughly what the video is about and whose
# last letters tell it from its neighbours, and look up pieces of it. Frequent pieces
# remember, short pieces are shared with others. Does that give both?
#
# *Time to read: 20 minutes. Needed: k-means, embeddings, logistic loss.*

# %% [markdown]
# ```{admonition} In short
# **The paper.** Content vectors in the place of numbers lose quality. Semantic IDs lose
# none, and help new and rare videos by about half a percent of AUC. Pieces found by
# SentencePiece are better than pairs of letters. Its data are closed, and its figures are
# known to us at second hand.
#
# **Found here**, on a made-up log in which content explains {glue:text}`short_rho` % of a
# video's fate, {glue:text}`short_where`. {glue:text}`short_new` {glue:text}`short_dense`
# {glue:text}`short_all` {glue:text}`short_film`
#
# **What does not hold.** {glue:text}`short_not`
# ```

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Show the set-up"}


from paperlab import Paper, plots

plots.style()
BLUE, RED, GREEN, PURPLE, ORANGE, INK = plots.COLOURS
paper = Paper("semantic_ids_ranking")
