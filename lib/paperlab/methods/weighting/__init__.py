"""Average effects by weighting, with images among the confounders (page ``aid_projects_africa``)."""
