"""Candidate choice experiments: effects of attributes, policies over profiles, two-party games.

Page ``conjoint_candidates``.

``layout``       profiles as one-hot vectors over the levels of all factors, projections and maxima factor by factor
``choices``      pairs, effects of attributes with respondents as clusters, sums for resampling respondents
``policy``       the policy that maximises a two-way model: closed form, delta method, projection, gradient ascent
``election``     from choices to elections: outcome models refitted for many resamples
``two_way``      the same with interactions of a candidate's attributes, and their policies
``held_out``     shares of policies, and errors of models, among people who had no part in learning them
``games``        two parties' policies against each other, after primaries
``equilibrium``  where neither party gains by moving, and what is left to gain elsewhere
``paths``        shares along the penalty, alone and against each other, for many resamples
``gender_game``  the game with one binary factor, where the equilibrium is known
``simulate``     designs with a known truth: two-way models, substitutes, voters of two parties
``experiments``  many samples of these designs, estimated and compared with the truth
``application``  factors, elections and nominees of the survey that the paper analyses
"""
