"""A local Autotask PSA REST API v1.0, written from the API reference alone."""
