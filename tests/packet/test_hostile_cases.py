# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The malformed and hostile set: each case leaves exactly the counter that its table names."""
import pytest
from scapy.all import Ether, raw

import hostile_table as hostile
from check import check
from meshrule import write_rules, write_sources

WAN = {**hostile.OUTER, **hostile.INNER, **hostile.TRANSPORT, **hostile.FROM_MESH}


@pytest.fixture(scope="module", name="strict")
def strict_fixture(bench):
    """With rules to receive by, and a LAN of one network."""
    bench.load(fmr_count=1, source_count=1)
    write_rules(bench, [hostile.MESH])
    write_sources(bench, "192.168.0.0/16")
    return bench


@pytest.fixture
def line(strict, line):  # pylint: disable=unused-argument
    return line


@pytest.fixture
def bystander(line):
    """A good conversation, which goes on as if nothing had happened."""
    c = line.open("udp")
    sessions = line.bench.live()
    yield c
    check(line, "out", hostile.out(c.out()), "sent", c.out_nat())
    check(line, "wan", hostile.wan(c.back()), "to_stack", c.back_nat())
    assert line.bench.live() == sessions


def run_case(line, c, path, case, told=False):
    way, make = case
    frame = raw(make(c))
    check(line, path, Ether(frame) if way == "pass" else frame, way,
          told=told)


def test_there_are_enough():
    assert len(WAN) == sum(map(len, (hostile.OUTER, hostile.INNER, hostile.TRANSPORT,
                                     hostile.FROM_MESH)))
    assert len(WAN) >= 60 and len(hostile.EXIT) >= 12


@pytest.mark.parametrize("name", WAN)
def test_from_the_wan(line, bystander, name):
    run_case(line, bystander, "wan", WAN[name])


@pytest.mark.parametrize("name", hostile.EXIT)
def test_out_of_the_tunnel_interface(line, bystander, name):
    run_case(line, bystander, "out", hostile.EXIT[name], told=name == "GRE from the LAN")


@pytest.mark.parametrize("name", [*WAN, *hostile.EXIT])
def test_from_the_lan(line, bystander, name):
    """The LAN hook leaves all of them to the stack."""
    _, make = {**WAN, **hostile.EXIT}[name]
    check(line, "lan", raw(make(bystander)), "pass")
