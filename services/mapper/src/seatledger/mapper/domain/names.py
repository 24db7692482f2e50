"""When two names are the same: Unicode form, case and white space do not count, everything else does."""

import unicodedata


def fold(name: str) -> str:
    """The name as ``automatic_mapping: exact_name`` compares it; empty where the name says nothing."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
