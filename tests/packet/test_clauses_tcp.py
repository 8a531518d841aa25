# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""RFC 5382, TCP behind a NAT: what docs/CONFORMANCE.md claims and no other test shows."""
import pytest

import wire
from bench import ADDRESS, ADDRESS_PORT, ENDPOINT
from check import check, through
from clock import assert_lasts
from wire import EXTERNAL

ESTABLISHED_S, TRANSITORY_S = 7440, 240
OTHER = "198.51.100.8"
HOST2 = "192.168.1.11"


def flags(text, **parts):
    return {"l4": {"flags": text}, "body": b"", **parts}


def play(line, c, story):
    """Packets as "<direction><flags>", each of which has to pass unchanged but for the NAT."""
    for step in story.split():
        through(line, "sent" if step[0] == ">" else "to_stack", c, flags(step[1:]))


@pytest.mark.parametrize("story", [
    "<SA >A",                 # three-way handshake
    "<S >SA <SA >A",          # simultaneous open
    "<S <SA >SA",             # ... whose packets cross
    ">S <SA >A",              # the first SYN was lost
    "<SA <SA >A",             # the first ACK was
    "<S >S <SA >SA <A >A",    # simultaneous, all repeated
])
def test_every_way_to_open(line, story):
    """REQ-2: each valid sequence of SYNs passes and leads to an established session."""
    c = line.talk("tcp")
    first = line.send(c, **flags("S"))
    wire.assert_same(line.sent(c.out_nat(**flags("S"))), first.data)
    play(line, c, story + " >PA <PA")
    assert line.session(c).state_name == "est"
    assert_lasts(line, c, ESTABLISHED_S)


@pytest.fixture(params=[ADDRESS, ENDPOINT, ADDRESS_PORT],
                ids=["address", "endpoint", "address-port"])
def filtering(request, bench):
    bench.set(filtering=request.param)
    yield request.param
    bench.set(filtering=ADDRESS_PORT)


def test_opened_by_the_remote(line, filtering):
    """REQ-2, REQ-3: where the filter lets a SYN in, the host's answer leaves from that port."""
    c = line.open("tcp")
    other = line.talk("tcp", rem_addr=OTHER, int_port=c.internal[1])
    other.external = c.external
    if filtering != ENDPOINT:
        check(line, "wan", wire.from_wan(other.back(**flags("S"))), "drop_in_no_session")
        return
    for step in "<S >SA <A <PA >A".split():
        parts = flags(step[1:])
        if step[0] == ">":
            through(line, "sent", other, parts)
            continue
        run = line.run("wan", wire.from_wan(other.back(**parts)))
        assert run.verdict in ("redirect", "handoff")
        wire.assert_same(line.to_stack(other.back_nat(**parts)), run.data)
    assert line.session(other).state_name == "est"


def test_unasked_syn_is_met_with_silence(line, filtering):
    """REQ-4: a SYN to a port that nobody holds. No answer now or later, and nothing kept."""
    c = line.talk("tcp")
    c.external = EXTERNAL, free_port(line)
    sessions = set(line.bench.sessions())
    for _ in range(4):
        check(line, "wan", wire.from_wan(c.back(**flags("S"))), "drop_in_no_session")
        line.wait(3)
        line.bench.sweep()
    assert set(line.bench.sessions()) == sessions


def free_port(line):
    """A port of the bench's set (offset 6, PSID 22 of 6 bits) that no TCP session holds."""
    used = {session.ext_port for flow, session in line.bench.sessions().items()
            if flow.proto == wire.PROTO["tcp"]}
    return next(port for a in range(1, 64) for port in range(a << 10 | 22 << 4, (a << 10 | 23 << 4))
                if port not in used)


@pytest.mark.parametrize("late", [0, 5, 10])
def test_syn_after_an_unasked_one(line, late):
    """REQ-4: the remote's SYN was dropped; when the host opens towards it the two still meet."""
    c = line.open("tcp")
    other = line.talk("tcp", rem_addr=OTHER, int_port=c.internal[1])
    other.external = c.external
    check(line, "wan", wire.from_wan(other.back(**flags("S"))), "drop_in_no_session")
    line.wait(late)
    assert line.send(other, **flags("S")).verdict == "redirect"
    assert other.external == c.external
    play(line, other, "<S >SA <SA <PA >PA")


# What was seen, and how long the session may be idle then.
IDLE = {
    ">S": TRANSITORY_S, ">A": TRANSITORY_S,
    ">S <SA": ESTABLISHED_S, ">S <SA >A": ESTABLISHED_S, ">S <S": ESTABLISHED_S,
    ">S <SA >A >PA <A": ESTABLISHED_S,
    ">S <SA >A >FA": ESTABLISHED_S, ">S <SA >A <FA >A": ESTABLISHED_S,
    ">S <SA >A >FA <FA": TRANSITORY_S, ">S <SA >A <FA >FA <A": TRANSITORY_S,
    ">S <RA": TRANSITORY_S, ">S <SA >A >R": TRANSITORY_S, ">S <SA >A <R": TRANSITORY_S,
    ">S <SA >A <R >PA": ESTABLISHED_S, ">S <SA >A <R <PA": ESTABLISHED_S,
    ">S <SA >FA <FA >S": TRANSITORY_S, ">S <SA >FA <FA >S <SA": ESTABLISHED_S,
}


@pytest.mark.parametrize("story", IDLE)
def test_idle_time(line, story):
    """REQ-5: two hours and four minutes established, four minutes while opening and closing."""
    c = line.talk("tcp")
    for step in story.split():
        (line.send if step[0] == ">" else line.receive)(c, **flags(step[1:]))
    assert_lasts(line, c, IDLE[story])


@pytest.mark.parametrize("again", [0, 2])
def test_idle_time_of_an_admitted_syn(line, filtering, again):
    """REQ-5: a session that the remote opened, and the host has not answered, is opening too."""
    c = line.open("tcp")
    other = line.talk("tcp", rem_port=444, int_port=c.internal[1])
    other.external = c.external
    for _ in range(1 + again):
        line.receive(other, **flags("S"))
    if filtering == ADDRESS_PORT:
        assert not line.session(other)
        return
    assert_lasts(line, other, TRANSITORY_S)


@pytest.mark.parametrize("opener", ["both", "one"])
def test_hairpin(line, filtering, opener):
    """REQ-8: two hosts of the LAN over our address; each sees the other's external side."""
    a = line.open("tcp")
    b = line.open("tcp", int_addr=HOST2)
    ab = line.talk("tcp", rem_addr=EXTERNAL, rem_port=b.external[1], int_port=a.internal[1])
    ba = line.talk("tcp", rem_addr=EXTERNAL, rem_port=a.external[1], int_addr=HOST2,
                   int_port=b.internal[1])
    to_b, to_a = (a.external, b.internal), (b.external, a.internal)
    first = line.run("out", wire.from_stack(ab.out(**flags("S"))))
    if filtering != ENDPOINT:
        assert first.verdict == "drop"  # as from the internet: b has not asked for it
        if opener == "one":
            return
    steps = [(ba, "S", to_a), (ab, "S", to_b), (ba, "SA", to_a), (ab, "SA", to_b)] \
        if opener == "both" else [(ba, "SA", to_a), (ab, "A", to_b)]
    for talk, text, ends in [*steps, (ab, "PA", to_b), (ba, "PA", to_a)]:
        run = line.run("out", wire.from_stack(talk.out(**flags(text))))
        want = wire.inner("tcp", True, *ends, **flags(text))
        wire.assert_same(wire.from_stack(want), run.data)
    assert line.session(ab).state_name == line.session(ba).state_name == "est"
