# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random and hostile packets through the TC and the XDP programs (hostile.py makes them).

Each one is either dropped, with exactly one counter that names something that is really wrong with
it; or untouched and uncounted; or it is, byte for byte, what rewrite.py says.

24,000 packets; with MAPE_LONG=1 100,000, with MAPE_SLOW=1 (emulation) 2,400. MAPE_SEED=N, which
every run prints, repeats it.
"""
import os
import random
from collections import Counter
from socket import AF_INET6, inet_pton

import pytest

import wire
from batch import Batch
from bench import ADDRESS, ADDRESS_PORT, ENDPOINT, Session
from hostile import Generator
from line import NO_TC_DECAP, Line
from model import Napt
from octets import (ACK, ETHERNET, EXTERNAL, FIN, FROM_STACK, ICMP, RST, SYN, TCP, TO_HOST,
                    TO_STACK, UDP, ethernet, inet_aton, outer, packet)
from rewrite import QUERY, dissect, ip_header, ones_sum, rewrite, word
from walk import key, port_set

PACKETS = 10 ** 5 if os.environ.get("MAPE_LONG") else \
    2400 if os.environ.get("MAPE_SLOW") else 24000
SEED = int(os.environ.get("MAPE_SEED") or random.randrange(10 ** 6))
BATCH = 200
MTU = 1460
CE, BRS = (inet_pton(AF_INET6, wire.CE), [inet_pton(AF_INET6, br) for br in (wire.BR, wire.BR2)])
FAST_SENT = ethernet("GATEWAY_MAC", "WAN_MAC", 0x86dd)

# Verdicts of the two kinds of program: dropped, untouched, sent on.
TC, XDP = {2: "drop", -1: "pass", 7: "redirect"}, {1: "drop", 2: "pass", 4: "redirect"}

# RFC 6040 section 4.2: inner ECN by (inner, outer); None is a drop, what is missing is the inner's.
DECAP = {(0, 3): None, (1, 3): 3, (2, 3): 3, (2, 1): 1}


def is_host(address):
    """Not of this network, loopback, multicast or reserved (RFC 1122 section 3.2.1.3)."""
    return address[0] not in (0, 127) and address[0] < 224


def tells(got, frame):
    """Is it the error by which a host hears that its protocol cannot share an address?"""
    return got[12:14] == b"\x08\x00" and got[26:34] == inet_aton("192.0.0.1") + frame[26:30] and \
        got[34:36] == b"\x03\x02" and ones_sum(got[14:34]) == 0xffff and \
        ones_sum(got[34:14 + word(got, 16)]) == 0xffff and frame[23] not in (ICMP, TCP, UDP)


class Expected:
    """What has to become of a packet: the reasons to drop it, or its way and how it looks then."""

    def __init__(self, reasons=(), way=None, head=b"", rewriter=None, tail=b"", later=False):
        self.reasons = set(reasons)
        self.later = later  # a later fragment: test_fragments.py knows what becomes of it
        self.way = way  # its counter; None and no reasons: untouched
        self.head, self.rewriter, self.tail = head, rewriter, tail

    def same(self, got):
        end = len(got) - len(self.tail)
        return got.startswith(self.head) and got[end:] == self.tail and \
            self.rewriter.same(got[len(self.head):end])

    def frame(self):
        return self.head + bytes(self.rewriter.new) + self.tail


class World:
    def __init__(self, bench, hook, mode, seed):
        self.bench, self.hook, self.line = bench, hook, Line(bench, hook)
        self.pick = random.Random(seed)
        self.generator = Generator(self.pick)
        self.model = Napt(port_set(6, 6, 22), mode, {})
        self.counts = Counter()
        self.fast = set()
        self.records = {}
        for number, proto in enumerate((TCP, UDP, ICMP) * 2):
            self.open((proto, inet_aton("192.168.1.10"), 5000 + number, inet_aton("198.51.100.7"),
                       0 if proto == ICMP else 443), number >= 3)
        self.kept = list(self.records)

    def open(self, flow, fast):
        batch = Batch()
        batch.run("mape_out", FROM_STACK + packet(*flow, SYN))
        batch.lookup(key(flow))
        sent, found = self.bench.batch(batch)
        record = Session(found.data)
        if flow[0] == TCP:
            record.state = 2
        if fast:
            record.__dict__.update(in_ok=1, out_ok=1, lan_ifindex=self.line.lan,
                                   port_ifindex=self.line.port, lan_mac=ETHERNET["LAN_MAC"],
                                   host_mac=ETHERNET["HOST_MAC"])
            self.fast.add(flow)
        self.records[flow] = record
        self.model.sent(flow, SYN, record.ext_port)

    def run(self, count):
        """Every packet meets the sessions in the same state; others that it opened are flushed."""
        batch, frames = Batch(), []
        extra = [flow for flow in self.model.sessions if flow not in self.records]
        for flow in extra:
            batch.control("delete", key(flow))
            self.model.remove(flow)
        ticks = self.bench.ticks()
        for record in self.records.values():
            record.confirmed = ticks
        pristine = [(key(flow), record.pack()) for flow, record in self.records.items()]
        for _ in range(count):
            for flow, record in pristine:
                batch.session(flow, record)
            path = self.pick.choice(("out", "lan", "wan", "wan"))
            flow = self.pick.choice(self.kept)
            frame = self.generator.frame(path, flow, self.records[flow].ext_port)
            frames.append((path, frame))
            prog = "mape_out" if path == "out" else f"{path}_{self.hook}"
            ifindex = (self.line.port or self.line.lan) if path == "lan" else 0
            batch.run(prog, frame, counted=True, ifindex=ifindex)
        results = list(self.bench.batch(batch))[len(extra):]
        for number, (path, frame) in enumerate(frames):
            self.judge(path, frame, results[number * (len(pristine) + 1) + len(pristine)])
        assert self.bench.live() == len(self.model.sessions), "a session of nobody's"

    # -- what came of it ------------------------------------------------------------------------

    def judge(self, path, frame, result):
        if result.error:  # the kernel does not let skbs without a network header be tested
            assert path != "wan" or self.hook == "tc", f"errno {result.error}"
            assert len(frame) < 54, f"errno {result.error}"
            self.counts["refused by the kernel"] += 1
            return
        xdp = path != "out" and self.hook == "xdp"
        verdict = (XDP if xdp else TC).get(result.ret, str(result.ret))
        counted = {self.bench.keys[i]: packets for i, (packets, _) in result.counts.items()}
        want = getattr(self, path)(frame, result.data)
        story = f"{path} {self.hook}: {verdict} {counted}\n" \
            f"in  {frame.hex()}\nout {result.data.hex()}"
        if want.later:
            gone = {"kernel_out", "kernel_in"} & set(counted)
            assert sum(counted.values()) - len(want.reasons & set(counted)) == 1, story
            # Of the same id as an earlier first one it may overlap that.
            bad = {"drop_out_fragment_bad", "drop_in_fragment_bad"} & set(counted)
            assert gone or bad or "fragment_held" in counted, story
            assert verdict == ("redirect" if gone else "drop"), story
            self.counts["later fragment"] += 1
        elif want.reasons:
            told = counted == {"drop_out_protocol": 1} and tells(result.data, frame)
            assert verdict == ("redirect" if told else "drop") and \
                list(counted.values()) == [1] and \
                set(counted) <= want.reasons, f"not dropped for {want.reasons}: {story}"
            self.counts[next(iter(counted))] += 1
        elif not want.way:
            assert verdict == "pass" and not counted and not result.meta and \
                result.data == frame, f"not left alone: {story}"
            self.counts["untouched"] += 1
        else:
            assert counted == {want.way: 1}, f"not {want.way}: {story}"
            handed = xdp and want.way == "kernel_in"
            assert verdict == ("pass" if handed else "redirect"), story
            assert bool(result.meta) == handed, story
            assert want.same(result.data), \
                f"{story}\n{wire.differences(want.frame(), result.data)}"
            self.counts[want.way] += 1

    def reasons(self, way, d, names):
        """Counters that may be named for the faults of a packet, if it has any."""
        return {f"drop_{way}_{name}" for name in {*d.faults, *names}} & set(self.bench.keys)

    def fast_capable(self, d, flow, padded=False):
        """The fast path takes plain packets of an offloaded session, as long as they are."""
        return flow in self.fast and not d.fragment and d.l4 == 20 and d.packet[8] > 1 and \
            (padded or not d.tail) and len(d.packet) <= MTU and not d.tcp_flags & (SYN | FIN | RST)

    @staticmethod
    def encapsulated(ethernet_head, d):
        return ethernet_head + outer(d.packet, tc=d.packet[1] & 3)

    def lan(self, frame, got):
        d = dissect(frame[14:], "out")
        if frame[:14] != ETHERNET["LAN_MAC"] + ETHERNET["HOST_MAC"] + b"\x08\0" or d.faults or \
                d.error or d.fragment or not self.fast_capable(d, d.inside, len(frame) <= 60):
            return Expected()
        changed = rewrite(d, "out", EXTERNAL, self.model.sessions[d.inside].port, ttl_dec=1,
                          ident=word(got, 58))
        return Expected(way="fast_out", head=self.encapsulated(FAST_SENT, d),
                        rewriter=changed)

    def out(self, frame, got):
        if frame[12:14] != b"\x08\0":
            return Expected({"drop_out_not_ipv4"})
        d, names = dissect(frame[14:], "out"), set()
        if d.addresses and not is_host(d.addresses[1]):
            names.add("not_ipv4")
        flow = d.inside
        # A session is not opened for what cannot be a host of the LAN.
        if flow and not d.error and (not is_host(flow[1]) or flow[1] == EXTERNAL) and \
                flow not in self.model.sessions:
            names.add("source")
        if d.inside and d.error:
            flow = (flow[0], *flow[3:], *flow[1:3])
            if d.addresses[1] != flow[3] or flow not in self.model.sessions:
                names.add("no_session")
        elif d.inside and flow not in self.model.sessions and (
                not self.model.may_open(flow[0], d.tcp_flags) or
                flow[0] == ICMP and d.icmp_type not in QUERY):
            names.add("no_session")
        reasons = self.reasons("out", d, names)
        if d.fragment == "later" and not d.faults:
            return Expected({"drop_out_fragment"}, later=True)
        if reasons:
            return Expected(reasons)
        port = self.port_out(d, flow, got)
        return Expected(way="kernel_out", head=self.encapsulated(frame[:12] + b"\x86\xdd", d),
                        rewriter=rewrite(d, "out", EXTERNAL, port, mss=MTU - 40,
                                         ident=word(got, 58)), tail=d.tail)

    def port_out(self, d, flow, got):
        """The session's external port, which of a new session only the packet tells."""
        if flow not in self.model.sessions:
            self.model.sent(flow, d.tcp_flags, word(got, 54 + d.l4 + (4 if flow[0] == ICMP else 0)))
            self.counts["opened"] += 1
        return self.model.sessions[flow].port

    def wan(self, frame, got):
        if len(frame) < 54 or frame[12:14] != b"\x86\xdd" or frame[14] >> 4 != 6 or \
                frame[20] != 4 or frame[38:54] != CE:
            return Expected()
        d, names = dissect(frame[54:], "in"), set()
        lengths = ip_header(frame[54:])
        if lengths and lengths[1] > word(frame, 18) or word(frame, 18) > len(frame) - 54:
            names.add("malformed")
        if d.addresses and not self.possible(d):
            names.add("source")
        if frame[22:38] not in BRS:
            names.add("not_br")
        if len(frame) >= 74 and frame[70:74] != EXTERNAL:
            names.add("not_ours")
        ecn = 0
        if d.packet:
            outer_ecn, inner_ecn = frame[15] >> 4 & 3, d.packet[1] & 3
            ecn = DECAP.get((inner_ecn, outer_ecn), inner_ecn)
            if ecn is None:
                names.add("ecn")
        if d.fragment and not d.faults:
            # Checked before the ports are: XDP leaves the rest to TC.
            early = self.reasons("in", d, names & {"malformed", "not_br", "not_ours"})
            if early:
                return Expected(early | self.reasons("in", d, names & {"source"}))
            if self.hook == "xdp":
                return Expected()
            if d.fragment == "later":
                return Expected({"drop_in_ecn"}) if "ecn" in names else \
                    Expected({"drop_in_fragment"}, later=True)
        flow = self.receiver(d, names) if d.inside else None
        reasons = self.reasons("in", d, names)
        if reasons:
            return Expected(reasons)
        if flow not in self.model.sessions:
            proto, port, remote = self.sides(d)
            self.model.arrived(proto, port, remote, d.tcp_flags, flow)
            self.counts["admitted"] += 1
        fast = self.fast_capable(d, flow)
        changed = rewrite(d, "in", *flow[1:3], ttl_dec=int(fast), tos=d.packet[1] & 0xfc | ecn,
                          mss=MTU - 40)
        tail = d.tail
        if d.fragment and len(d.packet) < 40:  # as short as an IPv6 packet can be
            tail = (tail + bytes(40))[:40 - len(d.packet)]
        return Expected(way="fast_in" if fast else "kernel_in", head=TO_HOST if fast else TO_STACK,
                        rewriter=changed, tail=tail)

    def possible(self, d):
        """Can the internet be where it comes from? Not from no host, nor from a port of ours."""
        own = d.addresses[0] == EXTERNAL and d.proto != ICMP and d.inside
        return is_host(d.addresses[0]) and not (own and d.inside[2] in self.model.ports)

    @staticmethod
    def sides(d):
        """(protocol, our port, remote) of an inbound packet, or of the one it quotes."""
        proto, src, sport, dst, dport = d.inside
        return (proto, sport, (dst, dport)) if d.error else (proto, dport, (src, sport))

    def receiver(self, d, names):
        """Whose it is; adds to names why it is nobody's."""
        proto, port, remote = self.sides(d)
        if d.error and d.inside[1] != EXTERNAL:
            names.add("not_ours")
        if port not in self.model.ports:
            names.add("foreign_port")
        opens = not d.error and (proto == UDP or proto == TCP and
                                 d.tcp_flags & (SYN | ACK | RST) == SYN)
        flow, *others = self.model.meant(proto, port, remote, opens)
        assert not others
        if not flow or d.icmp_type in QUERY:
            names.add("icmp" if d.error else "no_session")
        return flow


MODES = {"address": ADDRESS, "endpoint": ENDPOINT, "address-port": ADDRESS_PORT}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_hostile_packets(bench, hook, mode):
    if hook == "tc" and not bench.tc_decap:
        pytest.skip(NO_TC_DECAP)
    count = PACKETS // 2 // len(MODES)
    print(f"MAPE_SEED={SEED}, {count} packets")
    bench.load(filtering=MODES[mode])
    world = World(bench, hook, MODES[mode], f"{SEED} {hook} {mode}")
    for start in range(0, count, BATCH):
        world.run(min(BATCH, count - start))
    assert bench.ask("deep")["findings"] == []
    print(dict(sorted(world.counts.items())))
    for way in ("kernel_out", "kernel_in", "fast_out", "fast_in", "untouched"):
        assert world.counts[way] > count // 100, f"hardly a packet was {way}"
