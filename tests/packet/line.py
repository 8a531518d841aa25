# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A line as the tests use it: flows on a bench, with either hook, in any state."""
import itertools

import pytest
from scapy.all import raw

import wire
from bench import CHECKSUM_COMPLETE, SECOND, Flow
from wire import EXTERNAL, HOST, REMOTE, PROTO

NO_TC_DECAP = "this kernel cannot decapsulate in TC (since Linux 6.3); the WAN hook is XDP here"


class Conversation:
    """One flow, and its packets on both sides of the translation."""

    def __init__(self, proto, int_addr, int_port, rem_addr, rem_port, external=None):
        self.proto = proto
        self.internal = int_addr, int_port
        self.remote = rem_addr, 0 if proto == "icmp" else rem_port
        self.external = external

    @property
    def flow(self):
        return Flow(*self.internal, *self.remote, PROTO[self.proto])

    def out(self, **parts):
        """From the host, as the LAN sees it."""
        return wire.inner(self.proto, True, self.internal, self.remote, **parts)

    def out_nat(self, **parts):
        """The same behind the NAPT."""
        return wire.inner(self.proto, True, self.external, self.remote, **parts)

    def back(self, **parts):
        """From the remote, as it arrives."""
        return wire.inner(self.proto, False, self.external, self.remote, **parts)

    def back_nat(self, **parts):
        """The same for the host."""
        return wire.inner(self.proto, False, self.internal, self.remote, **parts)


class Line:
    """Flows on a bench whose hooks are `hook`, "tc" or "xdp"."""
    ports = itertools.count(20000)

    def __init__(self, bench, hook):
        self.bench = bench
        self.hook = hook
        self.checksum_complete = bench.checksum_complete
        self.lan = bench.devices["lan0"]
        # With XDP the hook is on a bridge's port, and the bridge is the LAN device.
        self.port = bench.devices["lan1"] if hook == "xdp" else 0

    def prog(self, path):
        if path == "out":
            return "mape_out"
        if path == "wan" and self.hook == "tc" and not self.bench.tc_decap:
            pytest.skip(NO_TC_DECAP)
        return f"{path}_{self.hook}"

    def run(self, path, packet, **context):
        """Runs the program of a path ("out", "lan", "wan") of this hook."""
        if path == "lan":
            context.setdefault("ifindex", self.port or self.lan)
        if path == "wan" and self.hook == "tc" and self.checksum_complete:
            context.setdefault("flags", CHECKSUM_COMPLETE)
        return self.bench.run(self.prog(path), raw(packet), **context)

    def talk(self, proto="udp", rem_addr=REMOTE, rem_port=443, int_addr=HOST, int_port=None):
        """A new conversation, not yet known to the NAPT."""
        return Conversation(proto, int_addr, int_port or next(self.ports), rem_addr, rem_port)

    def session(self, c):
        return self.bench.session(c.flow)

    def send(self, c, **parts):
        """Lets the host speak through the kernel path; learns the external side."""
        run = self.run("out", wire.from_stack(c.out(**parts)))
        session = self.session(c)
        if session:
            c.external = EXTERNAL, session.ext_port
        return run

    def receive(self, c, **parts):
        return self.run("wan", wire.from_wan(c.back(**parts)))

    def open(self, proto="udp", **kw):
        """A conversation with a session; a TCP one is established."""
        c = self.talk(proto, **kw)
        run = self.send(c, **({"l4": {"flags": "S"}} if proto == "tcp" else {}))
        assert run.verdict == "redirect", run
        if proto == "tcp":
            self.bench.poke(c.flow, state=2)
        return c

    def offload(self, c, **fields):
        """Puts a session on the fast path without a stack."""
        self.bench.poke(c.flow, **{
            "in_ok": 1, "out_ok": 1, "lan_ifindex": self.lan,
            "port_ifindex": self.port,
            "lan_mac": wire.mac(wire.LAN_MAC), "host_mac": wire.mac(wire.HOST_MAC),
            "confirmed": self.bench.ticks(), "pending": 0, **fields})

    def open_fast(self, proto="udp", **kw):
        c = self.open(proto, **kw)
        self.offload(c)
        return c

    def wait(self, seconds):
        """Lets time pass for the programs."""
        self.bench.now(self.bench.offset / SECOND + seconds)

    # What has to leave the programs.

    @staticmethod
    def with_fresh_id(packet, frame):
        """The packet with the IPv4 id that an encapsulated frame got, if it had to get a new one."""
        if not packet.flags.DF:
            packet.id = wire.Ether(frame)[wire.IP].id
        return packet

    def sent(self, packet, eth=(wire.TUN_MAC, wire.TUN_MAC)):
        """Encapsulated; TC leaves the Ethernet addresses to the redirect."""
        return wire.frame(*eth, wire.encap(packet, tc=packet.tos & 3, src=wire.CE, dst=wire.BR))

    def sent_fast(self, packet):
        return self.sent(packet, (wire.GATEWAY_MAC, wire.WAN_MAC))

    @staticmethod
    def to_stack(packet):
        return wire.from_stack(packet)

    @staticmethod
    def to_host(packet):
        return wire.frame(wire.HOST_MAC, wire.LAN_MAC, packet)

    def assert_handed(self, run, fast):
        """A decapsulated packet goes where it should: for XDP it has a note with it."""
        if self.hook == "tc":
            assert run.verdict == "redirect", run
        elif fast == "port":
            assert run.verdict == "redirect", run
        else:
            assert run.verdict == "handoff", run
            devices = self.bench.devices
            device = devices["lan0" if fast else "mape0x"]
            assert run.note == (devices["mape0x"], device, int(bool(fast)))
