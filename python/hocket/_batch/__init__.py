"""Verbs without a pool: they bring their own."""
