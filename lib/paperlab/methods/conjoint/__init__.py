"""Candidate choice experiments: effects of attributes, policies over profiles, two-party games, elections (page
``conjoint_candidates``).
"""
