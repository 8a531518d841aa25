# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 7857 section 10, RFC 6864: IPv4 identifications behind a shared address."""
import pytest
from scapy.all import IP

import wire
from check import through
from wire import PROTO

PACKETS = 3000
HOSTS = [f"192.168.1.{i}" for i in range(20, 30)]
MAY_FRAGMENT = {"ip": {"flags": 0, "id": 7}}


def sent_id(run):
    assert run.to_br, run
    return IP(run.data[54:]).id


@pytest.mark.parametrize("proto", PROTO)
def test_ids_behind_one_address_differ(line, proto):
    """Many hosts, one remote, the same id in every packet, by either path: no id goes out twice."""
    talks = [line.open(proto, rem_addr="203.0.113.80", int_addr=host) for host in HOSTS]
    ids = []
    for i, c in enumerate(talks):
        if i % 2:
            line.offload(c)
        path, frame = ("lan", wire.from_lan) if i % 2 else ("out", wire.from_stack)
        context = {"ifindex": line.port or line.lan} if path == "lan" else {}
        request = line.bench.run_request(line.prog(path), bytes(frame(c.out(**MAY_FRAGMENT))),
                                         **context)
        for answer in line.bench.ask_many([request] * (PACKETS // len(talks))):
            ids.append(sent_id(line.bench.run_result(line.prog(path), answer)))
    assert len(ids) == len(set(ids)) == PACKETS


@pytest.mark.parametrize("way", ["sent", "sent_fast"])
@pytest.mark.parametrize("proto", PROTO)
def test_the_rest_of_the_packet_follows(line, proto, way):
    """The new id is in the header checksum, and in nothing else."""
    c = line.open_fast(proto) if way == "sent_fast" else line.open(proto)
    for ident in (0, 1, 0x7fff, 0xffff):
        through(line, way, c, {"ip": {"flags": 0, "id": ident}})


@pytest.mark.parametrize("way", ["sent", "sent_fast"])
def test_packets_that_nobody_fragments_keep_theirs(line, way):
    """RFC 6864 section 4: with DF the id means nothing, and need not be changed."""
    c = line.open_fast("udp") if way == "sent_fast" else line.open("udp")
    path, frame = ("out", wire.from_stack) if way == "sent" else ("lan", wire.from_lan)
    for ident in (0, 1, 0xffff):
        packet = c.out(ip={"flags": "DF", "id": ident})
        assert sent_id(line.run(path, frame(packet))) == ident


@pytest.mark.parametrize("way", ["to_stack", "to_host"])
def test_inbound_ids_are_the_remotes(line, way):
    """Fragments of other packets of the remote may have come another way."""
    c = line.open_fast("udp") if way == "to_host" else line.open("udp")
    for ident in (0, 1, 0xffff):
        through(line, way, c, {"ip": {"flags": 0, "id": ident}})
