"""What a page is: its card, claims, parameters, stored results and records. Nothing is executed here."""
