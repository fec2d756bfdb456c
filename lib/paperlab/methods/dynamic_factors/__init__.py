"""Dynamic factor models and nowcasts from them (page ``dynamic_factors_pse``)."""
