# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""TCP as the NAPT sees it (RFC 6146 section 3.5.2): states, their timeouts, who may open."""
import pytest

import wire
from check import check

# Packets as "<direction><flags>" and the state after each.
STORIES = {
    "handshake": ">S init, <SA est, >A est, <A est",
    "simultaneous open": ">S init, <S est, >SA est",
    "SYN again": ">S init, >S init, <SA est, >S est, <SA est",
    "opened without SYN": ">A init, <A est",
    "answered without SYN": ">S init, <A est",
    "closed by us": ">S init, <SA est, >FA fin_out, <A fin_out, <FA fin, >A fin",
    "closed by them": ">S init, <SA est, <FA fin_in, >A fin_in, >FA fin, <A fin",
    "FIN twice": ">S init, <SA est, >FA fin_out, >FA fin_out, <FA fin, <FA fin, >FA fin",
    "FIN before any answer": ">S init, >F fin_out, <F fin",
    "RST by us": ">S init, <SA est, >R trans",
    "RST by them": ">S init, <SA est, <RA trans",
    "refused": ">S init, <RA trans",
    "RST after FIN": ">S init, <SA est, >FA fin_out, <R trans",
    "data after a forged RST": ">S init, <SA est, <R trans, >A est",
    "their data after a forged RST": ">S init, <SA est, <R trans, <PA est",
    "FIN after RST": ">S init, <SA est, >R trans, >FA trans",
    "same ports again after FIN": ">S init, <SA est, >FA fin_out, <FA fin, >S init, <SA est",
    "same ports again after RST": ">S init, <SA est, >R trans, >S init, <SA est",
    "late SYN-ACK after FIN": ">S init, <SA est, >FA fin_out, <FA fin, <SA fin",
}


@pytest.mark.parametrize("story", STORIES)
def test_states(line, story):
    c = line.talk("tcp")
    for step in STORIES[story].split(", "):
        packet, state = step.split()
        parts = {"l4": {"flags": packet[1:]}}
        run = line.send(c, **parts) if packet[0] == ">" else line.receive(c, **parts)
        assert run.verdict in ("redirect", "handoff")
        assert line.session(c).state_name == state, step


@pytest.mark.parametrize("flags", ["R", "RA"])
def test_rst_opens_nothing(line, flags):
    c = line.talk("tcp")
    check(line, "out", wire.from_stack(c.out(l4={"flags": flags})), "drop_out_no_session")
    assert line.session(c) is None


@pytest.mark.parametrize("kind", [0, 14])
def test_icmp_reply_opens_nothing(line, kind):
    c = line.talk("icmp")
    check(line, "out", wire.from_stack(c.out(l4={"type": kind})), "drop_out_no_session")


@pytest.mark.parametrize("flags", ["S", "SA", "FA", "F", "R", "RA", "FPA", "SF"])
def test_what_conntrack_has_to_see_is_never_fast(line, flags):
    parts = {"l4": {"flags": flags}}
    c = line.open_fast("tcp")
    check(line, "lan", wire.from_lan(c.out(**parts)), "pass")
    assert line.session(c).offloaded, "it has not come out of the stack yet"
    check(line, "wan", wire.from_wan(c.back(**parts)), "to_stack", c.back_nat(**parts))


@pytest.mark.parametrize("path", ["out", "wan"])
@pytest.mark.parametrize("flags, ends", [("FA", True), ("R", True), ("RA", True), ("S", False),
                                         ("A", False)])
def test_fin_and_rst_end_the_offload(line, path, flags, ends):
    c = line.open_fast("tcp")
    if path == "out":
        line.run("lan", wire.from_lan(c.out(l4={"flags": flags})))
        line.bench.poke(c.flow, seen=line.bench.ticks())
        line.send(c, l4={"flags": flags})
    else:
        line.receive(c, l4={"flags": flags})
    assert line.session(c).offloaded is not ends


@pytest.mark.parametrize("state", ["init", "fin_out", "fin_in", "fin", "trans"])
def test_only_established_is_fast(line, state):
    c = line.open_fast("tcp")
    number = ("open", "init", "est", "fin_out", "fin_in", "fin", "trans").index(state)
    line.bench.poke(c.flow, state=number)
    check(line, "lan", wire.from_lan(c.out()), "pass")


@pytest.mark.parametrize("story, seconds", [
    (">S", 240), (">S <SA", 7440), (">S <SA >FA", 7440), (">S <SA <FA", 7440),
    (">S <SA >FA <FA", 240), (">S <SA >R", 240)])
def test_timeouts(line, story, seconds):
    """RFC 5382 REQ-5: two hours and four minutes established, four minutes else."""
    c = line.talk("tcp")
    for packet in story.split():
        (line.send if packet[0] == ">" else line.receive)(c, l4={"flags": packet[1:]})
    line.wait(seconds - 30)
    line.bench.sweep()
    assert line.session(c)
    line.wait(31 + 30)
    line.bench.sweep()
    assert line.session(c) is None


@pytest.mark.parametrize("proto, seconds", [("udp", 300), ("icmp", 60)])
@pytest.mark.parametrize("refresh", ["send", "receive"])
def test_other_timeouts(line, proto, seconds, refresh):
    """Either direction keeps the session (RFC 4787 REQ-6)."""
    c = line.open(proto)
    for _ in range(3):
        line.wait(seconds - 30)
        getattr(line, refresh)(c)
        line.bench.sweep()
        assert line.session(c)
    line.wait(seconds + 30)
    line.bench.sweep()
    assert line.session(c) is None
