# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How long a session lasts without traffic, to the half second."""
import time

from bench import CLOCK_MONOTONIC_COARSE, SECOND

# What a test itself may take between moving the clock and looking, and what is surely past.
EARLY, LATE = 0.5, 1


def idle(line, c, seconds):
    """Moves the clock to where the session's last packet is that long ago, and sweeps. Returns
    the session, if there still is one."""
    session = line.session(c)
    last = max(session.last_out, session.last_in)
    now = time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE)
    line.bench.now(last / SECOND + seconds - now / SECOND)
    line.bench.sweep()
    return line.session(c)


def assert_lasts(line, c, seconds):
    """The session ends after this idle time, neither before nor much later."""
    assert idle(line, c, seconds - EARLY), f"ended before {seconds} s"
    assert not idle(line, c, seconds + LATE), f"still there after {seconds} s"
