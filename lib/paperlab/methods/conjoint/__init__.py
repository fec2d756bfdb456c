"""Candidate choice experiments: effects of attributes, policies over profiles, two-party games (page ``conjoint_candidates``).

``layout``       profiles as one-hot vectors over the levels of all factors, projections and maxima factor by factor
``choices``      pairs, effects of attributes with respondents as clusters, sums for resampling respondents
``policy``       the policy that maximises a two-way model: closed form, delta method, projection, gradient ascent
``election``     from choices to elections: outcome models refitted for many resamples, held-out shares
``games``        two parties' policies against each other, after primaries: equilibrium and what is left to gain
``gender_game``  the same game with one binary factor, where the equilibrium is known
``simulate``     designs with a known truth: two-way models, substitutes, voters of two parties
"""
