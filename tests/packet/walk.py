# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A random walk through the life of a NAPT: every step is judged by the model (model.py)."""
import random
import struct

from batch import Batch
from bench import ADDRESS, OVERLAP, STATE, Endpoint, Flow, Session
from model import Napt
from octets import (ACK, EXTERNAL, FIN, FROM_STACK, FROM_WAN, ICMP, OUTER_IN, PSH, RST, SENT, SYN,
                    TCP, TO_STACK, UDP, checksum, encap, inet_aton, packet, ports_of)

BATCH = 500  # steps of one request

PACE = 10000  # seconds that pass at a time; the timeouts lie between, so real time does not matter
STATES = STATE + ("init_in",)
TIMEOUTS = {"open": 1, "init": 1.5, "est": 5.5, "fin_out": 4.5, "fin_in": 3.5, "fin": 1.5,
            "trans": 0.5, "init_in": 2.5, "udp": 2.5, "icmp": 0.5}
NEVER = 100 * PACE

FLAGS = [SYN] * 3 + [ACK] * 4 + [PSH | ACK, SYN | ACK, FIN | ACK, FIN | ACK, RST, RST | ACK, FIN,
                                 SYN | FIN, SYN | RST]
MARK_SHIFT = 16


def port_set(offset, psid_len, psid):
    """RFC 7597 section 5.1: the bits behind the offset are the PSID, those before it not 0."""
    tail = 16 - offset - psid_len
    return [port for port in range(1, 1 << 16)
            if (port >> tail) % (1 << psid_len) == psid and (not offset or port >> (16 - offset))]


def key(flow):
    """The flow as a key of `sessions`."""
    proto, addr, port, rem_addr, rem_port = flow
    return Flow.FORMAT.pack(addr, rem_addr, port, rem_port, proto)


def unpack(named):
    """A flow or an endpoint of the bench in the model's order."""
    if isinstance(named, Endpoint):
        return named.proto, inet_aton(named.addr), named.port
    return (named.proto, inet_aton(named.int_addr), named.int_port, inet_aton(named.rem_addr),
            named.rem_port)


class Walk:
    """The bench, driven at random; the model judges."""

    def __init__(self, bench, ports, mode, seed, **limits):
        self.bench = bench
        self.random = random.Random(seed)
        self.ports = ports
        self.model = Napt(ports, mode, {name: t * PACE for name, t in TIMEOUTS.items()}, **limits)
        self.hosts = [inet_aton(f"10.0.0.{i}") for i in range(4 + len(ports) // 2)]
        self.remotes = [(inet_aton(f"198.51.100.{i}"), 443 + j)
                        for i, j in ((1, 0), (1, 1), (2, 0))]
        self.wan = ["wan_xdp"] + ["wan_tc"] * bench.tc_decap
        self.judges = []
        self.batch = None
        self.steps = 0

    # -- one operation: its steps, and how their results are judged ------------------------------

    def do(self, judge, *facts):
        self.judges.append((judge, facts))

    def some_flow(self):
        pick = self.random
        proto = pick.choice((TCP, UDP, UDP, ICMP))
        remote, port = pick.choice(self.remotes)
        return (proto, pick.choice(self.hosts), pick.randrange(1000, 1003), remote,
                0 if proto == ICMP else port)

    def some_live(self):
        return self.random.choice(self.live) if self.live else self.some_flow()

    def open(self):
        self.out(self.some_flow(), SYN if self.random.random() < 0.8 else None)

    def data(self):
        self.out(self.some_live())

    def out(self, flow, flags=None):
        flags = self.random.choice(FLAGS) if flags is None else flags
        self.batch.run("mape_out", FROM_STACK + packet(flow[0], *flow[1:], flags))
        if flow[3] != EXTERNAL:
            self.do(self.judge_out, flow, flags)
            return
        self.batch.lookup(key(flow))
        self.do(self.judge_hairpin, flow, flags)

    def judge_out(self, results, flow, flags):
        result = next(results)
        if result.ret != 7 or result.data[:14] != SENT:
            self.check_refusal(result, flow)
            self.model.sent(flow, flags, None)
            return
        port = ports_of(result.data[54:])[0]
        want = packet(flow[0], EXTERNAL, port, *flow[3:], flags)
        assert result.data == SENT + encap(want), f"{flow} was sent as {result.data.hex()}"
        self.model.sent(flow, flags, port)

    @staticmethod
    def check_refusal(result, flow):
        """Dropped, or an ICMP error to the sender (RFC 5508 REQ-8) while there is a budget."""
        if result.ret != 7:
            assert result.ret == 2, f"verdict {result.ret} for {flow}"
            return
        error = result.data[14:]
        assert error[12:20] == inet_aton("192.0.0.1") + flow[1]
        assert error[20:22] == b"\x03\x0d" and not checksum(error[20:]) and not checksum(error[:20])

    def hairpin(self):
        """To our own address and a port that is in use; often back to one who has sent so."""
        live = self.some_live()
        if live not in self.model.sessions or live[0] == ICMP:
            return
        proto, port = live[0], self.model.sessions[live].port
        sender = self.some_flow()[1:3]
        others = list(self.model.users[proto].get(live[4], {}).values())
        if live[3] == EXTERNAL and others:
            sender = self.random.choice(others)[1:3]
        self.out((proto, *sender, EXTERNAL, port), SYN if self.random.random() < 0.7 else None)

    def judge_hairpin(self, results, flow, flags):
        result, record = next(results), next(results)
        port = None if record.error else Session(record.data).ext_port
        self.model.sent(flow, flags, port)
        if port is None:
            self.check_refusal(result, flow)
            return
        receiver = None
        if result.ret == 7:
            inner = result.data[14:]
            receiver = (flow[0], inner[16:20], ports_of(inner)[1], EXTERNAL, port)
            assert result.data == TO_STACK + packet(flow[0], EXTERNAL, port, *receiver[1:3], flags)
            self.model.counts["hairpin"] += 1
        mark = self.model.arrived(flow[0], flow[4], (EXTERNAL, port), flags, receiver, True)
        assert result.ret != 7 or result.mark == mark << MARK_SHIFT

    def answer(self):
        flow = self.some_live()
        if flow in self.model.sessions:
            self.back(flow[0], self.model.sessions[flow].port, flow[3:])

    def stranger(self):
        """From anybody to any port, mostly one that somebody uses."""
        pick = self.random
        live = self.some_live()
        proto, port = live[0], pick.choice(self.ports)
        if live in self.model.sessions and pick.random() < 0.8:
            port = self.model.sessions[live].port
        elif pick.random() < 0.3:
            port = pick.randrange(65536)
        remote = pick.choice(self.remotes)
        if pick.random() < 0.2 and live[:3] in self.model.mappings:
            # To the port of its mapping, where somebody else may have met this remote before.
            port, remote = self.model.mappings[live[:3]][0], live[3:]
        elif pick.random() < 0.7:
            remote = pick.choice((remote[0], inet_aton("203.0.113.5"))), pick.randrange(600, 603)
        self.back(proto, port, (remote[0], 0 if proto == ICMP else remote[1]),
                  SYN if pick.random() < 0.5 else None)

    def back(self, proto, port, remote, flags=None):
        flags = self.random.choice(FLAGS) if flags is None else flags
        prog = self.random.choice(self.wan)
        sent = packet(proto, *remote, EXTERNAL, port, flags)
        self.batch.run(prog, FROM_WAN + encap(sent, OUTER_IN))
        self.do(self.judge_back, prog, proto, port, remote, flags)

    def judge_back(self, results, prog, proto, port, remote, flags):
        result, flow = next(results), None
        tc = prog == "wan_tc"
        if result.ret == 7 if tc else result.meta:
            inner = result.data[14:]
            flow = (proto, inner[16:20], ports_of(inner)[1]) + remote
            want = packet(proto, *remote, *flow[1:3], flags)
            assert result.data == TO_STACK + want, f"{flow} got {result.data.hex()}"
        else:
            assert result.ret == (2 if tc else 1), f"verdict {result.ret}"
        if remote[0] == EXTERNAL and proto != ICMP and remote[1] in self.model.ports:
            assert not flow, f"{flow} was reached from the outside by what claims to be ours"
            return
        mark = self.model.arrived(proto, port, remote, flags, flow)
        if flow:
            have = result.mark >> MARK_SHIFT if tc else \
                struct.unpack_from("=H", result.meta, 14)[0]
            assert have == mark, f"{flow} carries mark {have} instead of {mark}"

    def flush(self):
        flow = self.some_live() if self.random.random() < 0.95 else self.some_flow()
        self.batch.control("delete", key(flow))
        self.do(self.judge_flush, flow)

    def judge_flush(self, results, flow):
        assert next(results).ret == (0 if flow in self.model.sessions else -2)
        if flow in self.model.sessions:
            self.model.remove(flow)
            self.model.counts["flushed"] += 1

    def time_passes(self, seconds=PACE):
        """Twice through all sessions: one of them may be in a timer's hands the first time."""
        self.clock += seconds
        self.batch.now(self.clock)
        for _ in range(2):
            self.batch.control("sweep", count=2 * len(self.live) + 2 * BATCH)
        self.do(self.judge_time, seconds)

    def judge_time(self, results, seconds):
        self.model.now += seconds
        for _ in range(3):
            next(results)
        self.model.expire()

    def sweep(self):
        """At any time; ends nothing that is not due."""
        self.batch.control("sweep", count=self.random.randrange(50))
        self.do(self.judge_sweep)

    def judge_sweep(self, results):
        assert struct.unpack_from("=I", next(results).data, 36)[0] == 0, "expired too early"

    # -- many -------------------------------------------------------------------------------------

    ACTIONS = ("open", "data", "answer", "stranger", "hairpin", "flush", "sweep", "time_passes")
    CROWDED, LEAVING = (50, 12, 15, 10, 4, 2, 1, 0.01), (12, 18, 20, 10, 3, 12, 1, 0.6)

    def run(self, steps, crowded):
        self.batch, self.judges = Batch(), []
        self.live, self.clock = list(self.model.sessions), self.model.now
        weights = self.CROWDED if crowded else self.LEAVING
        for action in self.random.choices(self.ACTIONS, weights, k=steps):
            getattr(self, action)()
        results = self.bench.batch(self.batch)
        for judge, facts in self.judges:
            judge(results, *facts)
        self.steps += len(self.judges)
        assert self.bench.live() == len(self.model.sessions)

    def reload(self):
        self.bench.ask("reload")
        self.model.counts["reloaded"] += 1

    def audit(self):
        """Everything the maps hold is what the model holds, and every reference is counted."""
        bench, model = self.bench, self.model
        sessions = bench.sessions()
        assert {unpack(f): (s.ext_port, STATES[s.state]) for f, s in sessions.items()} == {
            f: (s.port, s.state) for f, s in model.sessions.items()}
        assert {unpack(e): (m.ext_port, m.refs) for e, m in bench.mappings().items()} == {
            e: tuple(m) for e, m in model.mappings.items()}
        peers = {struct.unpack("=4sHBx", k): struct.unpack_from("=I", v)[0]
                 for k, v in bench.dump("peers")}
        assert peers == ({(p[2], p[1], p[0]): sum(n.values()) for p, n in model.peers.items()}
                         if model.mode == ADDRESS else {})
        assert len(bench.overlaps()) == sum(bool(s.flags & OVERLAP) for s in sessions.values())
        assert bench.ask("deep")["findings"] == []
        for proto, users in model.users.items():
            audit = bench.audit(proto)
            assert audit["used"] == len(users)
            assert audit["free"] + audit["resting"] == len(self.ports) - len(users)
            shared = sum(len({f[:3] for f in flows.values()}) > 1 for flows in users.values())
            assert audit["overlapped"] >= shared and not audit["lost"]

    def end(self):
        """When all has expired nothing is left, and every port is free again."""
        self.batch, self.judges = Batch(), []
        self.live, self.clock = list(self.model.sessions), self.model.now
        for _ in range(2):  # and what has ended has rested
            self.time_passes(NEVER)
        results = self.bench.batch(self.batch)
        for _ in range(2):
            self.judge_time(results, NEVER)
        assert not self.model.sessions
        self.audit()
        for proto in self.model.users:
            audit = self.bench.audit(proto)
            assert (audit["free"], audit["lost"]) == (len(self.ports), 0)
        for name in ("sessions", "mappings", "overlaps", "peers", "hosts"):
            assert self.bench.dump(name) == [], f"something is left in {name}"
