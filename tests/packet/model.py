# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A NAPT as the RFCs and docs/DESIGN.md describe it, for comparison: who may use which port, who is
meant by a packet, when a session ends. It finds no ports; it judges those that were chosen.

A flow is (protocol, internal address, internal port, remote address, remote port); an endpoint is
its first three parts, a remote the last two. Times are seconds.
"""
from collections import Counter
from dataclasses import dataclass

from bench import ADDRESS, ENDPOINT
from octets import ACK, EXTERNAL, FIN, ICMP, RST, SYN, TCP, UDP

MARK_FILTER, MARK_HAIRPIN = 1, 2

# RFC 6146 section 3.5.2.2, seen from the LAN, with the names of include/mape/napt.h. What is not
# named here changes nothing. A "new" is a SYN without ACK. Data brings a session back after RST
# (RFC 7857 section 2.2), and a new SYN of the LAN host begins another connection.
TCP_NEXT = {
    "init": {"in new": "est", "in syn": "est", "in data": "est",
             "out fin": "fin_out", "in fin": "fin_in"},
    "init_in": {"out new": "est", "out syn": "est", "out fin": "fin_out", "in fin": "fin_in"},
    "est": {"out fin": "fin_out", "in fin": "fin_in"},
    "fin_out": {"in fin": "fin"},
    "fin_in": {"out fin": "fin"},
    "fin": {"out new": "init"},
    "trans": {"out new": "init", "out data": "est", "in data": "est"},
}


def tcp_next(state, way, flags):
    if flags & RST:
        return "trans"
    kind = ("new" if not flags & ACK else "syn") if flags & SYN else \
        "fin" if flags & FIN else "data"
    return TCP_NEXT[state].get(f"{way} {kind}", state)


@dataclass
class Session:
    port: int
    last: float
    state: str = "open"
    own: bool = False  # does not use its endpoint's mapping: its remote was taken there
    mark: int = 0


class Napt:
    """The sessions that are alive, and everything that follows from them."""

    def __init__(self, ports, mode, timeouts, rest=0, host_ports=0):
        """timeouts: {state of TCP, or "udp" or "icmp": seconds}

        rest: for so long a UDP port or query id serves nobody after its last session (RFC 6888
        REQ-8); host_ports: so many of each protocol one LAN host may hold (REQ-4), 0: any number.
        """
        self.ports = frozenset(ports)
        self.mode = mode
        self.timeouts = timeouts
        self.rest = rest
        self.host_ports = host_ports
        self.now = 0
        self.sessions = {}
        self.users = {proto: {} for proto in (TCP, UDP, ICMP)}  # {port: {remote: flow}}
        self.mappings = {}  # endpoint: [port, sessions that use it]
        self.peers = {}     # (protocol, port, remote address): {endpoint: sessions}
        self.mixed = set()  # those that had two endpoints at once
        self.held = Counter()  # (protocol, internal address): mappings, and sessions without one
        self.freed = {UDP: {}, ICMP: {}}  # {port: when it served last}
        self.counts = Counter()

    # -- what lives ---------------------------------------------------------------------------

    def add(self, flow, session):
        self.sessions[flow] = session
        self.users[flow[0]].setdefault(session.port, {})[flow[3:]] = flow
        self.held[flow[:2]] += session.own or flow[:3] not in self.mappings
        if not session.own:
            self.mappings.setdefault(flow[:3], [session.port, 0])[1] += 1
        peer = flow[0], session.port, flow[3]
        holders = self.peers.setdefault(peer, Counter())
        holders[flow[:3]] += 1
        if len(holders) > 1:
            self.mixed.add(peer)

    def remove(self, flow):
        session = self.sessions.pop(flow)
        users = self.users[flow[0]][session.port]
        del users[flow[3:]]
        if not users:
            del self.users[flow[0]][session.port]
            self.freed.get(flow[0], {})[session.port] = self.now
        if not session.own:
            mapping = self.mappings[flow[:3]]
            mapping[1] -= 1
            if not mapping[1]:
                del self.mappings[flow[:3]]
        self.held[flow[:2]] -= session.own or flow[:3] not in self.mappings
        peer = flow[0], session.port, flow[3]
        holders = self.peers[peer]
        holders[flow[:3]] -= 1
        if not holders[flow[:3]]:
            del holders[flow[:3]]
        if not holders:
            del self.peers[peer]
            self.mixed.discard(peer)

    def touch(self, flow, way, flags):
        session = self.sessions[flow]
        if session.state != "trans" or not flags & RST:
            session.last = self.now
        if flow[0] == TCP:
            session.state = tcp_next(session.state, way, flags)

    def expire(self):
        """RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2: idle for longer than the timeout."""
        kind = {UDP: "udp", ICMP: "icmp"}
        due = [flow for flow, s in self.sessions.items()
               if self.now - s.last > self.timeouts[kind.get(flow[0], s.state)]]
        for flow in due:
            self.remove(flow)
        self.counts["expired"] += len(due)
        return len(due)

    # -- outbound -----------------------------------------------------------------------------

    @staticmethod
    def may_open(proto, flags):
        """An RST about nothing we know opens nothing."""
        return proto != TCP or not flags & RST

    def sent(self, flow, flags, port):
        """An outbound packet left with this external port; None: it was refused."""
        session = self.sessions.get(flow)
        if session:
            assert port == session.port, f"{flow} left by {port}, not by {session.port}"
        elif not self.may_open(flow[0], flags):
            assert port is None, f"{flow} was opened by an RST"
            self.counts["no session"] += 1
            return
        elif port is None:
            self.judge_refusal(flow)
            return
        else:
            self.add(flow, Session(port, self.now, "init" if flow[0] == TCP else "open",
                                   self.judge_choice(flow, port)))
            self.counts["opened"] += 1
        self.touch(flow, "out", flags)

    def resting(self, proto, port):
        return port in self.freed.get(proto, ()) and \
            self.now - self.freed[proto][port] < self.rest

    def none_free(self, proto):
        users = self.users[proto]
        return all(port in users or self.resting(proto, port) for port in self.ports)

    def limited(self, flow):
        """Does the host hold so many ports that it gets no other one?"""
        return self.host_ports and self.held[flow[:2]] >= self.host_ports

    def judge_choice(self, flow, port):
        """A new session got this port. Returns whether it has it for itself alone."""
        users, mapping = self.users[flow[0]], self.mappings.get(flow[:3])
        assert port in self.ports, f"port {port} is not ours (RFC 7597 section 5.1)"
        assert flow[3:] not in users.get(port, ()), "two sessions cannot be told apart"
        if mapping and mapping[0] == port:
            return False
        if mapping:
            assert flow[3:] in users[mapping[0]], \
                "the endpoint's mapping was not reused (RFC 4787 REQ-1)"
            self.counts["second mapping"] += 1
        assert not self.limited(flow), f"{flow} got a port beyond the host's limit"
        if port not in users:
            assert not self.resting(flow[0], port), f"port {port} did not rest (RFC 6888 REQ-8)"
        else:
            assert self.none_free(flow[0]), "shared a port although others were free"
            assert self.mode != ENDPOINT, "shared a port to which anybody may send"
            self.counts["overlapped"] += 1
        return bool(mapping)

    def judge_refusal(self, flow):
        """There must have been no choice."""
        users, mapping = self.users[flow[0]], self.mappings.get(flow[:3])
        assert not mapping or flow[3:] in users[mapping[0]], \
            f"{flow} refused although its endpoint has a mapping"
        if self.limited(flow):
            self.counts["limited"] += 1
            return
        assert self.none_free(flow[0]), f"{flow} refused although ports were free"
        if self.mode != ENDPOINT:
            assert all(flow[3:] in remotes for remotes in users.values()), \
                f"{flow} refused although a port could be shared (RFC 7857 section 3)"
        self.counts["refused"] += 1

    # -- inbound ------------------------------------------------------------------------------

    def meant(self, proto, port, remote, opens):
        """Whose packet is it? The flows that may get it, None for nobody.

        opens: a packet of this kind may begin a session.
        """
        flow = self.users[proto].get(port, {}).get(remote)
        if flow:
            return {flow}
        if not opens or port not in self.users[proto]:
            return {None}
        if self.mode == ENDPOINT:  # of the one endpoint whose mapping this is
            return {next(iter(self.users[proto][port].values()))[:3] + remote}
        if self.mode == ADDRESS:
            return self.admitted(proto, port, remote)
        return {None}

    def admitted(self, proto, port, remote):
        """Address-dependent filtering (RFC 4787 section 5): who has sent to this address?"""
        peer = proto, port, remote[0]
        holders = self.peers.get(peer, ())
        if len(holders) != 1:
            return {None}
        endpoint = next(iter(holders))
        flow = endpoint + remote
        if flow in self.sessions:  # the two talk by another port of the host
            return {None}
        # Not said anywhere: two have contacted that address and one has ended; or the port is not
        # the one that the endpoint's own packets leave by.
        mapping = self.mappings.get(endpoint)
        if peer in self.mixed or not mapping or mapping[0] != port:
            return {None, flow}
        return {flow}

    def arrived(self, proto, port, remote, flags, flow, hairpin=False):
        """An inbound packet reached this flow, or nobody (None). Returns the mark that it needs."""
        opens = proto == UDP or proto == TCP and flags & (SYN | ACK | RST) == SYN
        may = self.meant(proto, port, remote, opens)
        assert flow in may, f"{remote} to {port} reached {flow} instead of {may}"
        if not flow:
            self.counts["unasked"] += 1
            return 0
        if flow not in self.sessions:
            mark = MARK_HAIRPIN if hairpin or remote[0] == EXTERNAL else MARK_FILTER
            self.add(flow, Session(port, self.now, "init_in" if proto == TCP else "open",
                                   mark=mark))
            self.counts["admitted"] += 1
        self.touch(flow, "in", flags)
        self.counts["answered"] += 1
        return self.sessions[flow].mark
