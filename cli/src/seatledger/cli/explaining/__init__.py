"""``explain``: from what a source said to what Autotask answered, out of what the services stored."""
