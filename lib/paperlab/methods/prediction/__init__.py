"""Classifiers that people act on, and what their scores are worth.

Pages ``thermoelectric_power``, ``sleep_intervention``, ``happiness_factors``, ``speech_neuropsychiatry``.

``classifiers``         eight standard models on many splits, permutation importance, errors of overlapping splits
``powder_bed``          laser-melted parts, made up and published
``formulas``            chemical formulas as fractions of elements
``prescription``        advice as a mixed-integer program, and what it is compared with
``sleep``               a made-up survey of sleep and two public tables
``attribution_priors``  networks whose attributions are pulled towards given importances
``person_level``        scores of people from scores of their recordings
``speech``              made-up voices and texts of three patient groups and their controls
"""
