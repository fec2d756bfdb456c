"""Average effects by weighting, with images among the confounders (page ``aid_projects_africa``).

``propensity``  folds, out-of-fold propensities, their recalibration and clipping
``effects``     Hajek and doubly robust means, two-way fixed effects
``images``      what images show: random features, a small network for propensities, visible development
``simulate``    places, their made-up or cropped chips, donors who choose among them, panels on a slow map
"""
