"""What a stage tells about itself."""

import json
import sys
import time
from dataclasses import dataclass

import psutil


@dataclass
class Gauge:
    """Time, CPU and memory from the first batch to each ``every`` events; a line of JSON for each."""

    every: int
    events: int = 0
    _began: tuple[float, float] | None = None

    def arrived(self) -> None:
        """Before a batch is worked on."""
        self._began = self._began or (time.monotonic(), _cpu())

    def done(self, events: int) -> None:
        """After a batch is published and confirmed."""
        before, self.events = self.events, self.events + events
        if self._began is None or before // self.every == self.events // self.every:
            return
        seconds, cpu = time.monotonic() - self._began[0], _cpu() - self._began[1]
        rss = psutil.Process().memory_info().rss
        line = {"events": self.events, "seconds": seconds, "cpu": cpu, "rss": rss}
        self._began = None
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _cpu() -> float:
    return time.process_time()
