"""Objectives and error budgets: the mathematics. Pure; counts in, ratios and verdicts out."""
