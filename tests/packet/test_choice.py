# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which port comes next cannot be told (RFC 7857 section 9): a fresh port set is a fair shuffle.

100,000 picks, each port of the set once per filling. After that ports come back in the order in
which others have given them up; nothing more than the first pass is claimed and tested.

Each statistic is turned into a standard normal deviate. The limit of 6 is passed by accident in
about 2 of 10^9 tests. The same tests have to fail for choices that can be predicted.
"""
import os
import random
from collections import Counter

import pytest

from batch import Batch
from octets import FROM_STACK, ICMP, SYN, TCP, UDP, inet_aton, packet, ports_of
from walk import key, port_set

FILLINGS = 6 if os.environ.get("MAPE_SLOW") else 34  # of three protocols each: 100,000 picks
LISTS = 102
PORTS = port_set(6, 6, 22)
N = len(PORTS)
REMOTE = inet_aton("198.51.100.7")
LIMIT = 6
BINS = 42  # a divisor of N, and few enough that a cell of the tables expects many picks


def deviate(observed, expected, freedom):
    """Chi-square of the cells as a standard normal deviate (Wilson and Hilferty's cube root)."""
    chi = sum((observed.get(cell, 0) - e) ** 2 / e for cell, e in expected.items())
    spread = 2 / (9 * freedom)
    return ((chi / freedom) ** (1 / 3) - (1 - spread)) / spread ** 0.5


def uniform(observed, cells):
    total = sum(observed.values())
    return deviate(observed, {cell: total / len(cells) for cell in cells}, len(cells) - 1)


def place(number):
    return number * BINS // N


GRID = [(a, b) for a in range(BINS) for b in range(BINS)]
FREE = (BINS - 1) ** 2  # the sums of rows and columns are given: each port is picked once


def where(lists):
    """When is which port picked?"""
    seen = Counter((place(at), place(port)) for picks in lists for at, port in enumerate(picks))
    return deviate(seen, {cell: sum(seen.values()) / len(GRID) for cell in GRID}, FREE)


def steps(lists, lag):
    """How far is it from one port to the next, or the one after?"""
    seen = Counter((b - a) % N for picks in lists for a, b in zip(picks, picks[lag:]))
    return uniform(seen, range(1, N))


def pairs(lists):
    """Does the part of the set that a port lies in tell that of the next one?"""
    seen = Counter((place(a), place(b)) for picks in lists for a, b in zip(picks, picks[1:]))
    size, total = N // BINS, sum(seen.values()) / N / (N - 1)
    return deviate(seen, {(a, b): total * size * (size - (a == b)) for a, b in GRID}, FREE)


def fillings(lists, lag):
    """Does one filling tell the next, or another protocol's?"""
    seen = Counter((b - a) % N for one, other in zip(lists, lists[lag:])
                   for a, b in zip(one, other))
    return uniform(seen, range(N))


def deviates(lists):
    """All statistics of lists of picks, each a permutation of the indexes of the set."""
    for picks in lists:
        assert sorted(picks) == list(range(N)), "a port was picked twice, or never"
    found = {"where": where(lists), "pairs": pairs(lists)}
    found.update({f"step {lag}": steps(lists, lag) for lag in (1, 2, 3)})
    found.update({f"filling {lag}": fillings(lists, lag) for lag in (1, 3)})
    return found


def suspicious(lists):
    return {name: z for name, z in deviates(lists).items() if abs(z) > LIMIT}


def filled(bench):
    """The order in which the ports of each protocol are picked by N new sessions."""
    index = {port: i for i, port in enumerate(PORTS)}
    lists, flush = [], Batch()
    for proto in (TCP, UDP, ICMP):
        flows = [(proto, inet_aton("192.168.1.10"), 1000 + i, REMOTE, 0 if proto == ICMP else 443)
                 for i in range(N)]
        opening = Batch()
        for flow in flows:
            opening.run("mape_out", FROM_STACK + packet(*flow, SYN))
            flush.control("delete", key(flow))
        lists.append([index[ports_of(result.data[54:])[0]] for result in bench.batch(opening)])
    assert all(result.ret == 0 for result in bench.batch(flush))
    return lists


def test_a_fresh_port_set_is_shuffled(bench):
    bench.load()
    lists = []
    for _ in range(FILLINGS):
        lists += filled(bench)
        bench.ask("shuffle")
    print({name: round(z, 2) for name, z in deviates(lists).items()})
    assert not suspicious(lists)
    for proto in (TCP, UDP, ICMP):
        assert bench.audit(proto)["free"] == N


def shuffled(pick):
    numbers = list(range(N))
    pick.shuffle(numbers)
    return numbers


def from_somewhere(pick):
    start = pick.randrange(N)
    return [(start + i) % N for i in range(N)]


def strides(pick):
    """A generator whose next number follows from the last."""
    start = pick.randrange(N)
    return [(start + 5 * i) % N for i in range(N)]


def within_ranges(pick):
    """Only the 16 ports of a range are mixed."""
    ranges = [list(range(at, at + 16)) for at in range(0, N, 16)]
    for one in ranges:
        pick.shuffle(one)
    return [port for one in ranges for port in one]


def unfair(pick):
    """The shuffle that exchanges each number with any other one, not with one before it."""
    numbers = list(range(N))
    for i in range(N):
        other = pick.randrange(N)
        numbers[i], numbers[other] = numbers[other], numbers[i]
    return numbers


def in_twos(pick):
    """Even and odd neighbours one after the other."""
    halves = list(range(0, N, 2))
    pick.shuffle(halves)
    return [port for half in halves for port in (half, half + 1)]


PREDICTABLE = {
    "sequential": lambda pick: list(range(N)),
    "downwards": lambda pick: list(range(N))[::-1],
    "from a random start": from_somewhere,
    "in strides": strides,
    "the same shuffle each time": lambda pick: shuffled(random.Random(1)),
    "shuffled within ranges": within_ranges,
    "unfairly shuffled": unfair,
    "neighbours together": in_twos,
}


@pytest.mark.parametrize("name", PREDICTABLE)
def test_what_can_be_predicted_is_noticed(name):
    pick = random.Random(8)
    assert suspicious([PREDICTABLE[name](pick) for _ in range(LISTS)])


def test_a_fair_shuffle_is_not_suspicious():
    pick = random.Random(8)
    assert not suspicious([shuffled(pick) for _ in range(LISTS)])
