# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""20,000 random opens, answers, deletes and expiries against a model of what must hold.

The model knows nothing of how ports are found. It only says what may happen: which ports are of
the set, who is on which port with which remote, and whether any choice was left.
"""
import os
import random
import struct
from collections import Counter
from socket import inet_aton, inet_ntoa

from bench import OVERLAP, OWN_PORT, Flow

ROUNDS, STEPS = 5 if os.environ.get("MAPE_SLOW") else 20, 1000
TIMEOUT, PACE = 2500, 1000  # seconds: nothing depends on how long the test itself takes
OFFSET, PSID_LEN, PSID = 6, 8, 77  # 252 ports
PORTS = frozenset(a << 10 | PSID << 2 | j for a in range(1, 64) for j in range(4))
REMOTES = [(f"198.51.100.{i}", 443) for i in range(1, 3)]
PROTO = {6: "tcp", 17: "udp", 1: "icmp"}
EXTERNAL, BR, CE = inet_aton("192.0.2.1"), "20010db800b0", "20010db800ce"


def l4(flow_proto, out, port, remote):
    """The transport header; checksums are not looked at by the NAPT."""
    if flow_proto == 1:
        return struct.pack("!BBHHH", 8 if out else 0, 0, 0, port, 1)
    pair = (port, remote) if out else (remote, port)
    if flow_proto == 17:
        return struct.pack("!HHHH", *pair, 8, 0)
    return struct.pack("!HHIIBBHHH", *pair, 1, 0, 0x50, 2 if out else 0x10, 1000, 0, 0)


def ipv4(proto, src, dst, payload):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0, src,
                       dst) + payload


def outbound(flow):
    packet = ipv4(flow.proto, inet_aton(flow.int_addr), inet_aton(flow.rem_addr),
                  l4(flow.proto, True, flow.int_port, flow.rem_port))
    return bytes(12) + b"\x08\0" + packet


def inbound(proto, remote, ext_port):
    packet = ipv4(proto, inet_aton(remote[0]), EXTERNAL, l4(proto, False, ext_port, remote[1]))
    outer = struct.pack("!IHBB", 6 << 28, len(packet), 4, 64)
    ends = b"".join(bytes.fromhex(net) + bytes(9) + b"\1" for net in (BR, CE))
    return bytes(12) + b"\x86\xdd" + outer + ends + packet


def inner_port(proto, frame, at, out):
    """Our side's port in a packet that begins at this offset."""
    at += 20 + (4 if proto == 1 else 0 if out else 2)
    return struct.unpack_from("!H", frame, at)[0]


class Model:
    """Live sessions: flow -> (external port, last packet). Those in `own` do not use the mapping
    of their endpoint, because their remote was taken on its port."""

    def __init__(self):
        self.live = {}
        self.own = set()
        self.now = 0
        self.counts = Counter()

    def on_port(self, proto):
        """{external port: {(remote address, port): flow}} of a protocol."""
        table = {}
        for flow, (port, _) in self.live.items():
            if flow.proto == proto:
                table.setdefault(port, {})[flow.rem_addr, flow.rem_port] = flow
        return table

    def opened(self, flow, port):
        """An outbound packet got through, with this external port."""
        known = self.live.get(flow)
        if known:
            assert port == known[0], "a live session changed its port"
        else:
            self.judge_new(flow, port)
        self.live[flow] = port, self.now

    def mapped(self, endpoint):
        """The port of the endpoint's mapping: that of any of its sessions that use it."""
        for flow, (port, _) in self.live.items():
            if flow.endpoint == endpoint and flow not in self.own:
                return port
        return None

    def closed(self, flow):
        self.own.discard(flow)
        return self.live.pop(flow, None)

    def judge_new(self, flow, port):
        table = self.on_port(flow.proto)
        remote = flow.rem_addr, flow.rem_port
        assert port in PORTS, f"port {port} is not ours"
        assert remote not in table.get(port, {}), "two sessions cannot be told apart"
        mapped = self.mapped(flow.endpoint)
        if mapped not in (None, port):
            assert remote in table[mapped], "the mapping was not reused"
            self.own.add(flow)
            self.counts["second mapping"] += 1
        if port in table and port != mapped:
            assert len(table) == len(PORTS), "overlapped although ports were free"
            self.counts["overlapped"] += 1
        self.counts["opened"] += 1

    def refused(self, flow):
        """An outbound packet was dropped: there must have been no choice."""
        assert flow not in self.live, "a live session was cut"
        table = self.on_port(flow.proto)
        assert len(table) == len(PORTS), "refused although ports were free"
        assert all((flow.rem_addr, flow.rem_port) in users for users in table.values()), \
            "refused although a port could have been shared"
        self.counts["refused"] += 1

    def expire(self):
        for flow in [f for f, (_, last) in self.live.items() if self.now - last > TIMEOUT]:
            self.closed(flow)
            self.counts["expired"] += 1


class World:
    """The bench, driven at random; the model judges."""

    def __init__(self, bench, seed):
        self.bench = bench
        self.random = random.Random(seed)
        self.model = Model()

    def some_flow(self):
        proto = self.random.choice((6, 17, 17, 17, 17, 1))
        host = self.random.randrange(110)
        port = self.random.randrange(1000, 1004)
        rem_addr, rem_port = self.random.choice(REMOTES)
        return Flow(f"10.0.0.{host}", port, rem_addr, 0 if proto == 1 else rem_port, proto)

    def some_live(self):
        return self.random.choice(list(self.model.live)) if self.model.live else self.some_flow()

    def open(self):
        flow = self.some_flow() if self.random.random() < 0.9 else self.some_live()
        run = self.bench.run("mape_out", outbound(flow))
        if run.to_br:
            self.model.opened(flow, inner_port(flow.proto, run.data, 54, True))
        else:
            self.model.refused(flow)

    def answer(self):
        """To a live session, or to any port of the world."""
        if self.random.random() < 0.8:
            flow = self.some_live()
            if flow not in self.model.live:
                return
            proto, port = flow.proto, self.model.live[flow][0]
            remote = flow.rem_addr, flow.rem_port
        else:
            proto = self.random.choice((6, 17, 1))
            port = self.random.choice(sorted(PORTS)) if self.random.random() < 0.7 else \
                self.random.randrange(65536)
            remote = self.random.choice(REMOTES)
            remote = remote[0], 0 if proto == 1 else remote[1]
        flow = self.model.on_port(proto).get(port, {}).get(remote)
        run = self.bench.run("wan_xdp", inbound(proto, remote, port))
        if not flow:
            assert run.verdict == "drop", f"{run} reached somebody"
            self.model.counts["unasked"] += 1
            return
        assert run.verdict == "handoff"
        assert inet_ntoa(run.data[30:34]) == flow.int_addr
        assert inner_port(proto, run.data, 14, False) == flow.int_port
        self.model.live[flow] = port, self.model.now
        self.model.counts["answered"] += 1

    def delete(self):
        flow = self.some_live() if self.random.random() < 0.9 else self.some_flow()
        known = self.model.closed(flow)
        assert self.bench.control("delete", flow=flow)["result"] == (0 if known else -2)
        self.model.counts["deleted"] += bool(known)

    def time_passes(self):
        self.model.now += PACE
        self.bench.now(self.model.now)
        self.bench.sweep()
        self.model.expire()

    def step(self, crowded):
        action = self.random.choices(
            (self.open, self.answer, self.delete, self.time_passes),
            (70, 20, 9, 0) if crowded else (35, 25, 35, 0.6))[0]
        action()

    def audit(self):
        """Everything the maps hold is what the model holds, and every reference is counted."""
        bench, live = self.bench, self.model.live
        sessions = bench.sessions()
        assert {f: s.ext_port for f, s in sessions.items()} == {
            f: port for f, (port, _) in live.items()}
        assert bench.live() == len(live)
        assert bench.ask("deep")["findings"] == []
        mappings = bench.mappings()
        through_mapping = Counter(f.endpoint for f, s in sessions.items()
                                  if not s.flags & OWN_PORT)
        assert {e: m.refs for e, m in mappings.items()} == through_mapping
        assert len(bench.overlaps()) == sum(bool(s.flags & OVERLAP) for s in sessions.values())
        for proto in (6, 17, 1):
            audit, used = bench.audit(proto), self.model.on_port(proto)
            assert (audit["used"], audit["free"]) == (len(used), len(PORTS) - len(used))
            holds = Counter(m.ext_port for e, m in mappings.items() if e.proto == proto)
            holds.update(s.ext_port for f, s in sessions.items()
                         if f.proto == proto and s.flags & OWN_PORT)
            assert sum(port.refs for port in bench.ports(proto)) == sum(holds.values())


def test_random_traffic(bench):
    seed = int(os.environ.get("MAPE_SEED") or random.randrange(10 ** 6))
    print(f"MAPE_SEED={seed}")
    bench.load(offset=OFFSET, psid_len=PSID_LEN, psid=PSID, timeout_s=[TIMEOUT] * 7,
               timeout_udp_s=TIMEOUT, timeout_icmp_s=TIMEOUT)
    world = World(bench, seed)
    for number in range(ROUNDS):
        for _ in range(STEPS):
            world.step(crowded=number % 5 < 3)
        world.audit()
    print(dict(world.model.counts), "live", len(world.model.live))
    for event in ("overlapped", "second mapping", "refused", "expired", "deleted", "unasked"):
        assert world.model.counts[event], f"the walk never came to: {event}"
    world.model.now += 10 * TIMEOUT
    bench.now(world.model.now)
    bench.sweep()
    world.model.expire()
    world.audit()
    assert not world.model.live
