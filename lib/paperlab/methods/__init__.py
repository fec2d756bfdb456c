"""The science: one module per field. Nothing here plots, reads files or imports the machinery."""
