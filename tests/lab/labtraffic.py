# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Clients for the servers of labservers.py; each takes the Namespace from which it speaks."""

import contextlib
import hashlib
import os
import socket
import struct
import time
from dataclasses import dataclass

from labservers import BLOCK, PORT, pattern

TIMEOUT = 20.0


@dataclass
class Transfer:
    """A finished transfer: whether all bytes arrived unharmed, and how long it took."""
    ok: bool
    length: int
    seconds: float

    @property
    def mbit(self):
        """Rate in Mbit/s."""
        return self.length * 8 / self.seconds / 1e6


def tcp_connect(ns, server, port=PORT, timeout=TIMEOUT):
    """A connected TCP socket."""
    s = ns.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        s.settimeout(timeout)
        s.connect((server, port))
    except BaseException:
        s.close()
        raise
    return s


def _read_all(s):
    return b''.join(iter(lambda: s.recv(BLOCK), b''))


def tcp_who(ns, server):
    """(address, port) of a new TCP connection as the server sees it; the connection is closed."""
    with tcp_connect(ns, server) as s:
        s.sendall(b'WHO\n')
        address, port = _read_all(s).split()
        return address.decode(), int(port)


def tcp_upload(ns, server, length, seed='up', timeout=TIMEOUT):
    """Send `length` bytes; the server says what it got."""
    digest = hashlib.sha256()
    with tcp_connect(ns, server, timeout=timeout) as s:
        begin = time.monotonic()
        s.sendall(b'SINK\n')
        for block in pattern(seed, length):
            digest.update(block)
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)
        got, n = _read_all(s).decode().split()
        return Transfer(got == digest.hexdigest() and int(n) == length, length,
                        time.monotonic() - begin)


def tcp_download(ns, server, length, seed='down', timeout=TIMEOUT):
    """Fetch `length` bytes and compare them with what the server must have sent."""
    want, got, n = hashlib.sha256(), hashlib.sha256(), 0
    for block in pattern(seed, length):
        want.update(block)
    with tcp_connect(ns, server, timeout=timeout) as s:
        begin = time.monotonic()
        s.sendall(f'SOURCE {length} {seed}\n'.encode())
        while data := s.recv(1 << 18):
            got.update(data)
            n += len(data)
        return Transfer(n == length and got.digest() == want.digest(), length,
                        time.monotonic() - begin)


@contextlib.contextmanager
def udp_socket(ns, server, port=PORT, source_port=0, timeout=2.0):
    """A UDP socket connected to a server."""
    with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.bind(('', source_port))
        s.connect((server, port))
        yield s


def udp_who(ns, server, source_port=0):
    """(address, port) of a UDP client as the server sees it; None without an answer."""
    with udp_socket(ns, server, source_port=source_port) as s:
        try:
            s.send(b'WHO')
            address, port = s.recv(BLOCK).split()
        except (socket.timeout, ConnectionError):
            return None
        return address.decode(), int(port)


def udp_echo(ns, server, count=1, size=512, source_port=0):
    """Number of datagrams, of `count` sent one after the other, that came back the same."""
    good = 0
    with udp_socket(ns, server, source_port=source_port) as s:
        for _ in range(count):
            data = os.urandom(size)
            try:
                s.send(data)
                good += s.recv(BLOCK) == data
            except (socket.timeout, ConnectionError):
                pass
    return good


def checksum(data):
    """Internet checksum (RFC 1071)."""
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _echo_request(ident, seq, data):
    head = struct.pack('!BBHHH', 8, 0, 0, ident, seq)
    return struct.pack('!BBHHH', 8, 0, checksum(head + data), ident, seq) + data


def _await_reply(s, server, ident, seq, data, timeout):
    """True when the echo reply comes back as it must."""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            packet, (sender, _) = s.recvfrom(BLOCK)
        except socket.timeout:
            return False
        icmp = packet[(packet[0] & 15) * 4:]
        if sender == server and icmp[:2] == b'\0\0' and checksum(icmp) == 0 and \
                icmp[4:] == struct.pack('!HH', ident, seq) + data:
            return True
    return False


def ping(ns, server, count=1, ident=None, size=56, timeout=1.0):
    """Number of echo requests, of `count`, that came back with the right identifier and data."""
    ident = os.getpid() & 0xffff if ident is None else ident
    good = 0
    with ns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        for seq in range(1, count + 1):
            data = os.urandom(size)
            s.sendto(_echo_request(ident, seq, data), (server, 0))
            good += _await_reply(s, server, ident, seq, data, timeout)
    return good
