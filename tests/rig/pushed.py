"""How far a sender comes against somebody who does not read."""

from .deadline import until


class Pushed:
    """How many bytes a sender got rid of; `stopped` once it stands still."""

    def __init__(self):
        self.bytes = 0
        self._last = -1

    def stopped(self):
        same = 0 < self.bytes == self._last
        self._last = self.bytes
        return same

    def wait_stopped(self):
        until(self.stopped, "the sender is stopped by backpressure", 20, 0.5)
