# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 7857 and RFC 6888, sessions and ports: what docs/CONFORMANCE.md claims and no other test
shows."""
import pytest

import wire
from bench import ADDRESS, ADDRESS_PORT
from check import check, through
from clock import EARLY, Watch, assert_lasts
from test_napt import delivered, open_many, port_set
from wire import EXTERNAL

OTHER = "198.51.100.8"
SMALL = {"offset": 6, "psid_len": 8, "psid": 77}  # 252 ports
TIMEOUT = {"tcp": 7440, "udp": 300, "icmp": 60}
protos = pytest.mark.parametrize("proto", TIMEOUT)


def flags(text):
    return {"l4": {"flags": text}, "body": b""}


# -- RST -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("text", ["R", "RA"])
@pytest.mark.parametrize("way", ["sent", "to_stack"])
@pytest.mark.parametrize("state", ["init", "est", "fin_out", "fin_in", "fin", "trans"])
def test_rst_is_translated_and_the_state_stays(line, state, way, text):
    """RFC 7857 section 2.2: it reaches the other side, and the session stays four minutes."""
    c = line.open("tcp")
    number = ("open", "init", "est", "fin_out", "fin_in", "fin", "trans").index(state)
    line.bench.poke(c.flow, state=number)
    through(line, way, c, flags(text))
    assert line.session(c).state_name == "trans"
    assert_lasts(line, c, 240)


@pytest.mark.parametrize("way", ["sent", "to_stack"])
@pytest.mark.parametrize("rst", ["sent", "to_stack"])
def test_data_revives_after_rst(line, rst, way):
    """RFC 7857 section 2.2: whoever forged the RST has gained nothing, not even near the end."""
    c = line.open("tcp")
    through(line, rst, c, flags("R"))
    assert Watch(line, c).at(240 - EARLY)
    through(line, way, c, flags("PA"))
    assert line.session(c).state_name == "est"
    assert_lasts(line, c, 7440)


@pytest.mark.parametrize("text", ["R", "RA"])
@pytest.mark.parametrize("ways", [("sent", "sent"), ("to_stack", "sent"), ("to_stack", "to_stack")])
def test_rst_again_does_not_refresh(line, ways, text):
    """RFC 7857 section 7.1: the host answers each packet of an ended connection with another RST;
    the four minutes begin with the first."""
    c = line.open("tcp")
    through(line, ways[0], c, flags(text))
    watch = Watch(line, c)
    for seconds in (60, 120, 180, 239):
        assert watch.at(seconds)
        through(line, ways[1], c, flags(text))
    watch.assert_ends(240)


# -- What does not refresh -----------------------------------------------------------------------

@pytest.fixture(params=[ADDRESS, ADDRESS_PORT], ids=["address", "address-port"])
def filtering(request, bench):
    bench.set(filtering=request.param)
    yield request.param
    bench.set(filtering=ADDRESS_PORT)


def refused(line, c):
    """Packets to the conversation's port that are dropped: (frame, counter)."""
    for rem_addr, rem_port in ((OTHER, 443), ("203.0.113.9", 1)):
        other = line.talk(c.proto, rem_addr=rem_addr, rem_port=rem_port)
        other.external = c.external
        syn = flags("S") if c.proto == "tcp" else {}
        yield wire.from_wan(other.back()), "drop_in_no_session"
        yield wire.from_wan(other.back(**syn)), "drop_in_no_session"
    yield wire.from_wan(c.back(), src="2001:db8:bad::1"), "drop_in_not_br"
    yield wire.from_wan(c.back(ip={"tos": 0}), tc=3), "drop_in_ecn"
    yield wire.from_wan(c.back(ip={"ihl": 4})), "drop_in_malformed"


@protos
def test_refused_packets_do_not_refresh(line, filtering, proto):
    """RFC 7857 section 7, RFC 4787 REQ-6: what the NAT drops keeps neither session nor port."""
    c = line.open(proto)
    watch = Watch(line, c)
    before = repr(line.session(c))
    for frame, counter in refused(line, c):
        check(line, "wan", frame, counter)
    assert repr(line.session(c)) == before
    for share in (0.4, 0.8):
        assert watch.at(TIMEOUT[proto] * share)
        for frame, counter in refused(line, c):
            check(line, "wan", frame, counter)
    watch.assert_ends(TIMEOUT[proto])
    check(line, "wan", wire.from_wan(c.back()), "drop_in_no_session")


# -- Protocols for themselves --------------------------------------------------------------------

@protos
def test_a_mapping_is_of_one_protocol(line, proto):
    """RFC 7857 section 5: what one protocol has opened, no other uses, neither out nor in."""
    alone = "203.0.113.177"  # a remote of this test only: nobody else's session answers for it
    c = line.open(proto, rem_addr=alone)
    for other in set(TIMEOUT) - {proto}:
        same = line.talk(other, rem_addr=alone, int_port=c.internal[1])
        same.external = c.external
        check(line, "wan", wire.from_wan(same.back()), "drop_in_no_session")
        assert line.session(same) is None
        line.send(same, **(flags("S") if other == "tcp" else {}))
        line.bench.control("delete", flow=same.flow)
        through(line, "to_stack", c, {})
    line.bench.control("delete", flow=c.flow)


# -- Exhaustion ----------------------------------------------------------------------------------

@pytest.fixture
def crowd(bench):
    bench.load(**SMALL)
    yield
    bench.load()


@protos
def test_nothing_alive_is_evicted(line, crowd, proto):
    """RFC 6888 REQ-11: with every port taken the new packet is dropped, and each older session
    stays as it was and goes on working."""
    old = open_many(line, proto, 252)
    assert sorted(c.external[1] for c in old) == port_set(**SMALL)
    before, counters = line.bench.sessions(), line.bench.counters()
    assert open_many(line, proto, 500, host=2) == []
    assert line.bench.counted(counters) == {"drop_out_no_port": 500}
    after = line.bench.sessions()
    assert set(after) == set(before)
    for flow, session in before.items():
        assert repr(after[flow]) == repr(session)
    for c in old:
        assert delivered(line, c) == c.internal
    for c in old[::50]:
        through(line, "sent", c, {})
    assert line.bench.ask("deep")["findings"] == []


@protos
def test_first_to_come_gets_a_port_that_was_given_back(line, crowd, proto):
    """RFC 6888 REQ-11: refusing lasts only as long as there is nothing to give."""
    old = open_many(line, proto, 252)
    assert open_many(line, proto, 1, host=2) == []
    line.bench.control("delete", flow=old[100].flow)
    fresh, = open_many(line, proto, 1, rem_addr=OTHER, host=3)
    assert fresh.external[0] == EXTERNAL
    assert fresh.external[1] in port_set(**SMALL)
    assert delivered(line, fresh) == fresh.internal
    assert delivered(line, old[100]) is None


def test_a_port_serves_two_only_with_two_remotes(line, crowd):
    """RFC 7857 section 3: address and port of the remote decide together who is meant."""
    first = open_many(line, "udp", 252)
    guests = [line.talk("udp", rem_addr="198.51.100.7", rem_port=port, int_addr="10.9.0.1",
                        int_port=7000) for port in (444, 445)]
    for guest in guests:
        assert line.send(guest).to_br
    assert guests[0].external == guests[1].external, "one endpoint, one port"
    owner = next(c for c in first if c.external == guests[0].external)
    for c in (owner, *guests):
        assert delivered(line, c) == c.internal
