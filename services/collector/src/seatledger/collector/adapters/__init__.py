"""One distributor each, behind the port :class:`seatledger.collector.ports.Distributor`."""
