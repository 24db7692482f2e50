"""What the collector decides, pure: dates, ids and the state read before are passed in."""
