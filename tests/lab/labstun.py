# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Both ends of a STUN-like behaviour test (RFC 5780), all in the hands of the test.

Servers has three addresses with two ports each; it tells as whom it sees a client, and speaks to
that client from any of its places. UdpEnd, TcpEnd and IcmpEnd are one address and port (query id)
of a LAN host:

    end.contact(place)  speak to a server; as whom the server saw it, OSError where it was refused
    end.admits(place)   does what a server sends unasked from that place to this end arrive?
    end.talk()          every conversation so far still works both ways, under the same names
"""

import contextlib
import errno
import itertools
import select
import socket
import struct

from labinside import outcomes
from labnet import LabError, wait_until
from labtraffic import checksum

ADDRESSES = '198.51.100.1', '198.51.100.2', '203.0.113.1'
PORTS = 3478, 3479
PLACES = [(address, port) for address in ADDRESSES for port in PORTS]
WAIT = 5.0
IP_RECVERR = 11  # linux/in.h; Python has no name for it
ECHO_HEAD = struct.Struct('!BBHHH')

_tokens = (b'token %d' % n for n in itertools.count())


def admitted(mode, place, contacted):
    """RFC 4787 section 5: who may send to an end that has contacted these places."""
    return {'endpoint': True,
            'address': place[0] in {address for address, _ in contacted},
            'address-port': place in contacted}[mode]


def bound(ns, kind, place):
    """A socket that shares its address and port with the others of this end."""
    s = ns.socket(socket.AF_INET, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.settimeout(WAIT)
    s.bind(place)
    return s


def reset(s):
    """Close with RST."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


class Servers:
    """The places in srv; udp and tcp are sockets by place, icmp sees all echo requests."""

    def __init__(self, lab):
        self.lab = lab
        self.udp = {p: bound(lab.srv, socket.SOCK_DGRAM, p) for p in PLACES}
        self.tcp = {p: bound(lab.srv, socket.SOCK_STREAM, p) for p in PLACES}
        for s in self.tcp.values():
            s.listen(1024)
        self.icmp = lab.srv.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.icmp.settimeout(WAIT)
        # Left to itself the kernel would let two ends that share ports have the same one.
        self.ports = itertools.count(20000)

    def close(self):
        """No more."""
        for s in (*self.udp.values(), *self.tcp.values(), self.icmp):
            s.close()


class End:
    """What the ends have in common."""

    def __init__(self, servers, role, port=0):
        self.servers = servers
        self.port = port or next(servers.ports)
        self.seen = {}  # place -> as whom its server saw us
        self.lab = servers.lab
        self.ns = self.lab.namespaces[role]
        self.host = self.lab.host_address(role)

    def refusals(self):
        """Packets for nobody that the CE has counted."""
        return outcomes(self.lab)['drop_in_no_session']

    def arrives(self, s, before):
        """True when the socket has something to read, False when the CE counts a refusal."""
        def told():
            if select.select([s], [], [], 0.02)[0]:
                return 'arrived'
            return 'refused' if self.refusals() > before else None
        return wait_until(told, 'a packet to arrive or to be refused', WAIT) == 'arrived'

    def talk(self):
        for place, seen in list(self.seen.items()):
            assert self.contact(place) == seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class UdpEnd(End):
    """One UDP socket, connected to nobody, that hears of ICMP errors."""
    proto = 'udp'

    def __init__(self, servers, role, port=0):
        super().__init__(servers, role, port)
        self.socket = bound(self.ns, socket.SOCK_DGRAM, (self.host, self.port))
        self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)

    def send(self, place):
        """Send something to anybody; what was sent."""
        token = next(_tokens)
        self.socket.sendto(token, place)
        return token

    def receive(self):
        """(data, (address, port)) of the next datagram."""
        return self.socket.recvfrom(100)

    def icmp_error(self):
        """The next ICMP error: (to whom we had sent, address of the complainer, type, code)."""
        _, control, _, sent_to = self.socket.recvmsg(100, 200, socket.MSG_ERRQUEUE)
        error = control[0][2]
        # struct sock_extended_err and a struct sockaddr_in (linux/errqueue.h).
        kind, code = error[5:7]
        return sent_to, socket.inet_ntoa(error[20:24]), kind, code

    def contact(self, place):
        token, server = self.send(place), self.servers.udp[place]
        if not select.select([server, self.socket], [], [], WAIT)[0]:
            raise LabError(f'nothing arrived at {place}')
        if code := self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, f'refused to {place}')
        got, self.seen[place] = server.recvfrom(100)
        assert got == token
        server.sendto(token, self.seen[place])
        assert self.receive() == (token, place)
        return self.seen[place]

    def admits(self, place):
        token, before = next(_tokens), self.refusals()
        self.servers.udp[place].sendto(token, next(iter(self.seen.values())))
        if not self.arrives(self.socket, before):
            return False
        assert self.receive() == (token, place)
        return True

    def close(self):
        """An UDP session knows no end; the socket is gone."""
        self.socket.close()


class TcpEnd(End):
    """One port with a listener and any number of connections, as in RFC 5382 section 4.3."""
    proto = 'tcp'

    def __init__(self, servers, role, port=0):
        super().__init__(servers, role, port)
        self.connections = {}  # place -> (host's socket, server's socket)
        self.listener = None

    def listen(self):
        """Take connections on the end's port from now on."""
        if not self.listener:
            self.listener = self.socket()
            self.listener.listen(8)
        return self.listener

    def socket(self):
        """A socket of the end's port that is not connected yet."""
        return bound(self.ns, socket.SOCK_STREAM, (self.host, self.port))

    def connect(self, place):
        """A connection from the end's port to anywhere."""
        s = self.socket()
        try:
            s.connect(place)
        except OSError:
            s.close()
            raise
        return s

    def contact(self, place):
        if place not in self.connections:
            s = self.connect(place)
            accepted, self.seen[place] = self.servers.tcp[place].accept()
            accepted.settimeout(WAIT)
            self.connections[place] = s, accepted
        exchange(*self.connections[place])
        return self.seen[place]

    def admits(self, place):
        if place in self.connections:
            exchange(*self.connections[place][::-1])
            return True
        external = next(iter(self.seen.values()))
        listener, before = self.listen(), self.refusals()
        with bound(self.lab.srv, socket.SOCK_STREAM, place) as outside:
            outside.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                outside.connect(external)
            if not self.arrives(listener, before):
                assert outside.connect_ex(external) == errno.EALREADY
                return False
            accepted, source = listener.accept()
            assert source == place
            outside.settimeout(WAIT)
            accepted.settimeout(WAIT)
            exchange(accepted, outside)
            reset(accepted)
            with contextlib.suppress(ConnectionResetError):
                assert not outside.recv(1)
        self.forget(place)
        return True

    def forget(self, place):
        """For ten seconds conntrack would take a SYN the other way for invalid."""
        self.lab.ce.run(f'conntrack -D -p tcp -s {place[0]} --sport {place[1]} -d {self.host} '
                        f'--dport {self.port}')

    def close(self):
        """FIN from both sides."""
        for pair in self.connections.values():
            for s in pair:
                s.close()
        if self.listener:
            self.listener.close()


class IcmpEnd(End):
    """A ping socket: its identifier is the port."""
    proto = 'icmp'

    def __init__(self, servers, role, port=0):
        super().__init__(servers, role, port)
        self.ns.sysctl('net.ipv4.ping_group_range', '0 0')
        self.socket = self.ns.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        self.socket.settimeout(WAIT)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        self.socket.bind((self.host, self.port))

    def contact(self, place):
        """The server's kernel answers; the identifier that it saw is the external port."""
        token = next(_tokens)
        self.socket.sendto(ECHO_HEAD.pack(8, 0, 0, 0, 1) + token, (place[0], 0))
        data, (source, _) = self.socket.recvfrom(100)
        assert (source, data[ECHO_HEAD.size:]) == (place[0], token)
        while True:
            packet, (address, _) = self.servers.icmp.recvfrom(200)
            if packet[20:21] == b'\x08' and packet[20 + ECHO_HEAD.size:] == token:
                break
        self.seen[place] = address, ECHO_HEAD.unpack_from(packet, 20)[3]
        return self.seen[place]

    def admits(self, place):
        """An echo reply that nobody has asked this server for, otherwise right."""
        token, before = next(_tokens), self.refusals()
        ident = next(iter(self.seen.values()))[1]
        summed = checksum(ECHO_HEAD.pack(0, 0, 0, ident, 1) + token)
        reply = ECHO_HEAD.pack(0, 0, summed, ident, 1) + token
        with self.lab.srv.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.bind((place[0], 0))
            s.sendto(reply, (self.lab.line.ipv4, 0))
        if not self.arrives(self.socket, before):
            return False
        data, (source, _) = self.socket.recvfrom(100)
        assert (source, data[ECHO_HEAD.size:]) == (place[0], token)
        return True

    def close(self):
        """A query session knows no end; the socket is gone."""
        self.socket.close()


def exchange(a, b):
    """A few bytes both ways over a connection."""
    for here, there in ((a, b), (b, a)):
        token = next(_tokens)
        here.sendall(token)
        assert there.recv(100) == token


ENDS = {'udp': UdpEnd, 'tcp': TcpEnd, 'icmp': IcmpEnd}
