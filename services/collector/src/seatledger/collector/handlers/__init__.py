"""One file a trigger: decode, load, decide, save."""
