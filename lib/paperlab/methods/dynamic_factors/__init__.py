"""Dynamic factor models and nowcasts from them (page ``dynamic_factors_pse``).

``model``     the model: fit by EM, smoother, BIC
``em``        its parameters, likelihood and one step of EM
``kalman``    filter and smoother on observations collapsed to the size of the state, compiled
``returns``   stock returns: universe, components, number of factors, betas, where volatility hides
``nowcast``   forecasts of a quarterly series from daily factors, in pseudo-real time
``simulate``  a made-up market with a known factor, and an economy that follows it or not
"""
