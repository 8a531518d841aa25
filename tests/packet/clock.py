# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long a session lasts without traffic, to the half second. Nothing here asks the session when
its last packet was: that is what the tests are about."""
import time

from bench import CLOCK_MONOTONIC_COARSE, SECOND

# What a test itself may take between moving the clock and looking, and what is surely past.
EARLY, LATE = 0.5, 1


class Watch:
    """Started when the last packet has passed that may count."""

    def __init__(self, line, c):
        self.line = line
        self.c = c
        self.start = self.kernel() + line.bench.offset

    @staticmethod
    def kernel():
        return time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE)

    def at(self, seconds):
        """The session so long after the start, None if it has ended."""
        self.line.bench.now((self.start - self.kernel()) / SECOND + seconds)
        self.line.bench.sweep()
        return self.line.session(self.c)

    def assert_ends(self, seconds):
        """After so long, and neither before nor much later."""
        assert self.at(seconds - EARLY), f"ended before {seconds} s"
        assert not self.at(seconds + LATE), f"still there after {seconds} s"


def assert_lasts(line, c, seconds):
    """From now on, without a packet."""
    Watch(line, c).assert_ends(seconds)
