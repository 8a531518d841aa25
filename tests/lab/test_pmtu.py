# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Paths narrower than they look, hosts with a wrong MSS, ICMP that does not arrive; traceroute.

MAPE_TRANSFER is how many bytes a transfer has.
"""

import errno
import os
import socket
import struct

import pytest

from labinside import attach, changed, drops, move_time, outcomes
from labnarrow import MID, insert_router, refuse_icmp
from labnet import wait_until
from labservers import PORT
from labtraffic import ping, tcp_connect, tcp_download, tcp_upload, udp_echo, udp_socket

TRANSFER = int(os.environ.get('MAPE_TRANSFER', 3_000_000))
SERVER, OTHER = '198.51.100.1', '198.51.100.2'
IP_MTU_DISCOVER, IP_RECVERR, IP_MTU, DONT, DO = 10, 11, 14, 0, 2
HOOKS = [('tc', 'tc'), ('xdp', 'xdp')]
ICMP_ERROR = struct.Struct('=IBBBBII')  # struct sock_extended_err


@pytest.fixture(params=HOOKS, ids='-'.join)
def make_line(request, make_lab):
    """A function that makes an attached CE; a path of `mtu`, if given, that says so or does not."""
    wan, lan = request.param
    labs = []

    def make(*options, mtu=None, silent=False, **kw):
        kw.setdefault('lan', 'wire' if lan == 'xdp' else 'offload')
        lab = make_lab(**kw)
        labs.append(lab)
        if mtu:
            lab.mid = insert_router(lab, mtu, silent)
        return attach(lab, '--wan-hook', wan, '--lan-hook', lan, *options)
    yield make
    for lab in labs:
        assert lab.peer.refused() == {}


def boast(lab):
    """Hosts that announce an MSS that nothing here carries, and could send such segments."""
    lab.br.ip('link set srv0 mtu 9000')
    lab.srv.ip('''link set eth0 mtu 9000
        route change default via 198.51.100.253 advmss 8960''')
    lab.h1.ip('route change default via 192.168.1.1 advmss 8960')


def both_ways(lab, host=None, timeout=40.0):
    host = host or lab.h1
    assert tcp_upload(host, SERVER, TRANSFER, timeout=timeout).ok
    assert tcp_download(host, SERVER, TRANSFER, timeout=timeout).ok


def path_mtu(lab):
    return lab.mape_json('status')['path_mtu']


def datagram_socket(ns, discover, server=SERVER, port=PORT):
    s = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
    s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    s.connect((server, port))
    return s


def error_of(s):
    """(errno, who says so, ICMP type, code, what it says) of the next error of a socket."""
    def read():
        try:
            return s.recvmsg(2000, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            return None
    s.setblocking(False)
    _, ancillary, _, _ = wait_until(read, 'an ICMP error')
    data = next(data for _, kind, data in ancillary if kind == IP_RECVERR)
    number, _, kind, code, _, info, _ = ICMP_ERROR.unpack_from(data)
    offender = socket.inet_ntoa(data[ICMP_ERROR.size + 4:ICMP_ERROR.size + 8])
    s.setblocking(True)
    s.settimeout(5)
    s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return number, offender, kind, code, info


def test_wrong_mss_and_no_icmp(make_line):
    lab = make_line()
    boast(lab)
    for host in (lab.h1, lab.srv):
        refuse_icmp(host)
    both_ways(lab)


def test_narrow_path(make_line):
    """The first connection learns it from ICMP, all later ones from their MSS."""
    lab = make_line(mtu=1400)
    boast(lab)
    assert path_mtu(lab) is None
    assert tcp_upload(lab.h1, SERVER, TRANSFER).ok
    assert path_mtu(lab) == 1360
    # The BR does not know of the narrow path either, and will not be told.
    both_ways(lab)
    refuse_icmp(lab.h1)
    refuse_icmp(lab.srv)
    both_ways(lab)
    assert set(drops(lab)) <= {'drop_out_df'}
    status = lab.mape('status').stdout
    assert 'path MTU' in status and '1360' in status
    move_time(lab, 601)
    assert path_mtu(lab) is None


def test_silent_narrow_path(make_line):
    """Who knows of it says so once, and no host needs ICMP."""
    lab = make_line('--mtu', 1360, mtu=1400, silent=True)
    boast(lab)
    for host in (lab.h1, lab.srv):
        refuse_icmp(host)
    both_ways(lab)
    assert drops(lab) == {}


def test_silent_narrow_path_that_nobody_knows_of(make_line):
    """Hosts that find out by themselves (RFC 4821) are not hindered."""
    lab = make_line(mtu=1400, silent=True)
    for host in (lab.h1, lab.srv):
        refuse_icmp(host)
        host.sysctl('net.ipv4.tcp_mtu_probing', 1)
    both_ways(lab)


@pytest.mark.parametrize('filtered', [False, True])
def test_narrow_path_behind_the_br(make_line, filtered):
    lab = make_line()
    lab.br.ip('route change 198.51.100.0/24 via 198.51.100.254 mtu lock 1300')
    if filtered:
        refuse_icmp(lab.h1)
        lab.h1.sysctl('net.ipv4.tcp_mtu_probing', 1)
    both_ways(lab)
    assert path_mtu(lab) is None


def test_df_is_answered(make_line):
    """By the stack for what the device does not take, by us for what the path does not take."""
    lab = make_line(mtu=1400)
    with datagram_socket(lab.h1, DO) as s:
        s.send(bytes(1472))
        assert error_of(s) == (errno.EMSGSIZE, '192.168.1.1', 3, 4, 1460)
        assert s.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1460
        s.send(bytes(1432))
        assert error_of(s) == (errno.EMSGSIZE, '192.0.0.1', 3, 4, 1360)
        assert s.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1360
    before = outcomes(lab)
    assert before['tunnel_error'] == 1 and before['path_mtu'] == 1
    with datagram_socket(lab.h2, DO) as s:
        s.send(bytes(1432))
        assert error_of(s) == (errno.EMSGSIZE, '192.0.0.1', 3, 4, 1360)
        assert s.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1360
        s.send(bytes(1332))
        assert s.recv(2000) == bytes(1332)
    assert changed(before, outcomes(lab))['drop_out_df'] == 1


@pytest.mark.parametrize('lan', ['wire', 'offload'])
def test_without_df_it_is_cut(make_lab, lan):
    """Complete checksums, and such as are left to the device."""
    lab = attach(insert(make_lab(lan=lan), 1300))
    with datagram_socket(lab.h1, DO) as s:
        s.send(bytes(1432))
        assert error_of(s)[4] == path_mtu(lab) == 1260
    with lab.srv.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            datagram_socket(lab.h2, DONT, SERVER, PORT + 1) as s:
        server.bind((SERVER, PORT + 1))
        server.settimeout(5)
        for size in (*range(1225, 1241), 1400, 1431, 1432):
            data = os.urandom(size)
            s.send(data)
            assert server.recv(2000) == data
        assert outcomes(lab)['split_out'] == 11
        assert lab.peer.stats()['fragments'] == 22
        # The stack's fragments, in their turn.
        for size in (1433, 2900, 20_000, 65_507):
            data = os.urandom(size)
            s.send(data)
            assert server.recv(65_536) == data
    assert lab.peer.refused() == {}


def insert(lab, mtu):
    insert_router(lab, mtu)
    return lab


def test_ping_without_df_is_cut(make_lab):
    lab = attach(insert(make_lab(), 1300))
    with datagram_socket(lab.h1, DO) as s:
        s.send(bytes(1432))
        error_of(s)
    capture = lab.capture(lab.srv, 'eth0', 'icmp')
    lab.h2.run(f'ping -M dont -c 1 -W 1 -s 1400 {SERVER}', check=False)
    sizes = [(len(f) - 14, f[20] & 0x3f, f[21]) for f in
             (bytes(p) for p in capture.packets()) if f[26:30] != socket.inet_aton(SERVER)]
    assert sizes == [(1260, 0x20, 0), (1428 - 1240, 0, 155)]


def test_segments_without_df_are_shortened(make_lab):
    """A connection older than the news of the path, of a host that clears DF."""
    lab = attach(insert(make_lab(), 1400))
    lab.h1.sysctl('net.ipv4.ip_no_pmtu_disc', 1)
    with tcp_connect(lab.h1, SERVER) as s:
        s.sendall(b'ECHO\n')
        with datagram_socket(lab.h2, DO) as other:
            other.send(bytes(1432))
            error_of(other)
        assert path_mtu(lab) == 1360
        data = os.urandom(200_000)
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        # What comes back meets a path that its sender knows nothing of.
        wait_until(lambda: lab.peer.stats()['up']['bytes'] > len(data), 'all data at the BR')
    counted = outcomes(lab)
    assert counted['split_out'] and not counted['drop_out_df'] and lab.peer.refused() == {}


def test_unreachable_br(make_line):
    """A router on the path knows no way; the host is told, and the CE's own IPv6 works."""
    lab = make_line(mtu=1500)
    assert udp_echo(lab.h1, SERVER) == 1
    lab.mid.ip(f'route replace unreachable {lab.line.br}/128')
    with datagram_socket(lab.h1, DO) as s:
        s.send(b'hello')
        assert error_of(s) == (errno.EHOSTUNREACH, '192.0.0.1', 3, 1, 0)
    assert outcomes(lab)['tunnel_error'] == 1
    lab.mid.run(f'ping -6 -c 1 -W 2 {lab.line.ce}')
    lab.ce.run(f'ping -6 -c 1 -W 2 {MID}')


def test_traceroute(make_line):
    """CE, BR, server: the hops of the IPv4 path; the tunnel is one."""
    lab = make_line()
    hops = []
    for ttl in range(1, 4):
        with datagram_socket(lab.h1, DO, SERVER, 33434 + ttl) as s:
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            s.send(bytes(32))
            hops.append(error_of(s)[1:4])
    assert hops == [('192.168.1.1', 11, 0), ('198.51.100.253', 11, 0), (SERVER, 3, 3)]


def test_ttl_that_ends_here(make_line):
    """What comes in with its last hop is answered, in the name of the shared address."""
    lab = make_line()
    with udp_socket(lab.h1, OTHER) as client:
        client.send(b'WHO')
        address, port = client.recv(100).split()
        with lab.srv.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((OTHER, 9999))
            s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)
            s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            s.connect((address.decode(), int(port)))
            s.send(b'hello')
            assert error_of(s)[1:4] == (lab.line.ipv4, 11, 0)


def test_mtu_of_router_advertisements(make_lab):
    """What the WAN takes is not more than what its IPv6 is told."""
    lab = make_lab()
    lab.ce.sysctl('net.ipv6.conf.eth2.mtu', 1454)
    attach(lab)
    assert lab.mape_json('status')['mtu'] == 1414
    assert tcp_upload(lab.h1, SERVER, 500_000).ok and ping(lab.h1, SERVER) == 1
