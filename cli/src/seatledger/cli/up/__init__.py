"""``seatledger up``: processes started, watched, brought back and ended together."""
