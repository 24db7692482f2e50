"""Reads distributors and publishes what changed: ``subscriptions.changed.v1``."""
