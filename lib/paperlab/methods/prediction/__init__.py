"""Classifiers that people act on, and what their scores are worth (pages ``thermoelectric_power``,
``sleep_intervention``, ``happiness_factors``, ``speech_neuropsychiatry``).
"""
