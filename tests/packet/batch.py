# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Many steps for progrun in one request, for tests that run a million (tests/packet/batch.h)."""
import struct
from collections import namedtuple

from bench import OP, SECOND

Result = namedtuple("Result", "ret error mark meta data counts")


class Batch:
    """Steps for one request, and their results."""
    PROGS = ("mape_out", "wan_tc", "wan_xdp", "lan_tc", "lan_xdp", "wan_handoff", "lan_seen")
    RUN, COUNTED, CONTROL, NOW, SESSION, LOOKUP = range(6)
    STEP = struct.Struct("=IHHII")
    RESULT = struct.Struct("=IiIHBB")
    COUNT = struct.Struct("=IIQ")
    REQUEST = struct.Struct("=IiII16s10I")

    def __init__(self):
        self.data = bytearray()
        self.whats = []

    def step(self, what, data, prog=0, arg=0, ifindex=0):
        self.whats.append(what)
        self.data += self.STEP.pack(len(data), what, prog, arg, ifindex)
        self.data += data

    def run(self, prog, packet, counted=False, flags=0, ifindex=0):
        self.step(self.COUNTED if counted else self.RUN, packet, self.PROGS.index(prog), flags,
                  ifindex)

    def control(self, op, flow=bytes(16), count=0):
        self.step(self.CONTROL, self.REQUEST.pack(OP[op], 0, count, 0, flow, *[0] * 10))

    def now(self, seconds):
        self.step(self.NOW, struct.pack("=Q", int(seconds * SECOND)))

    def session(self, flow, value):
        """Puts a session's record into this state, as only a test may."""
        self.step(self.SESSION, flow + value)

    def lookup(self, flow):
        self.step(self.LOOKUP, flow)

    def results(self, data):
        """One Result a step; counts is {number of the outcome: (packets, bytes)}."""
        at = 0
        for _ in self.whats:
            size, ret, mark, error, meta, counts = self.RESULT.unpack_from(data, at)
            at += self.RESULT.size
            end = at + size - counts * self.COUNT.size
            table = {}
            for outcome, packets, length in self.COUNT.iter_unpack(data[end:at + size]):
                table[outcome] = packets, length
            yield Result(ret, error, mark, data[at:at + meta], data[at + meta:end], table)
            at += size
