"""A faithful local Partner Center REST API, in memory; it imports nothing of the product that is tested against it."""
