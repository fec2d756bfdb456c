"""Regression under interventions: data augmentation as an instrument, relations that hold everywhere.

Page ``augmentation_iv``.

``augmentation``     moments of augmented samples: least squares, 2SLS, IV-like regression, excess risk
``choice``           the weight of IV-like regression by prediction or by norm; how much of a vector is confounding
``environments``     rivals that look for the same relation in several environments
``shrinkage``        rivals that shrink, or punish a prediction that an augmentation changes
``rivals``           all rivals on many samples, penalties chosen
``coloured_digits``  digits whose colour knows the noisy label, and stacked networks for the same risks
``simulate``         the linear design with a hidden confounder and its flat directions
"""
