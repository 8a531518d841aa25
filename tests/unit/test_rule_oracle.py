# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mape-xdp rule` against a second, slow implementation that works on strings of bits."""

import csv
import ipaddress
import json
import os
import random
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAPE_XDP = Path(os.environ.get("MAPE_BUILD", ROOT / "build")) / "mape-xdp"


def rule_json(*arguments):
    done = subprocess.run([MAPE_XDP, "rule", "--json", *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, json.loads(done.stdout)


def bits(network):
    """The prefix as a string of 0 and 1."""
    width = network.max_prefixlen
    return format(int(network.network_address), f"0{width}b")[: network.prefixlen]


def ranges_of(offset, psid_bits):
    """Pairs of first and last port, by trying every port."""
    found = []
    for port in range(65536):
        text = format(port, "016b")
        if offset and "1" not in text[:offset]:
            continue
        if text[offset : offset + len(psid_bits)] != psid_bits:
            continue
        if found and found[-1][1] == port - 1:
            found[-1][1] = port
        else:
            found.append([port, port])
    return found


def ce_address(prefix_bits, ipv4_bits, psid_bits, iid):
    psid = psid_bits.rjust(16, "0")
    ident = "0" * 8 + ipv4_bits + psid + "0" * 8 if iid == "draft03" else "0" * 16 + ipv4_bits + psid
    text = prefix_bits.ljust(64, "0") + ident
    return str(ipaddress.IPv6Address(int(text, 2)))


def expected(row, ea_bits):
    rule6 = ipaddress.IPv6Network(row["ipv6_prefix"])
    rule4 = ipaddress.IPv4Network(row["ipv4_prefix"])
    prefix_bits = bits(rule6) + ea_bits
    ipv4_bits = (bits(rule4) + ea_bits)[:32]
    psid_bits = (bits(rule4) + ea_bits)[32:]
    ranges = ranges_of(int(row["psid_offset"]), psid_bits)
    return {
        "provider": row["provider"],
        "confidence": row["confidence"],
        "iid": row["iid"],
        "br": [row["br"]],
        "rule": {
            "ipv6_prefix": row["ipv6_prefix"],
            "ipv4_prefix": row["ipv4_prefix"],
            "ea_len": int(row["ea_len"]),
            "psid_offset": int(row["psid_offset"]),
            "psid_len": len(psid_bits),
        },
        "end_user_prefix": str(ipaddress.IPv6Network(
            (int(prefix_bits.ljust(128, "0"), 2), len(prefix_bits)))),
        "ipv4": str(ipaddress.IPv4Address(int(ipv4_bits, 2))),
        "psid": int(psid_bits, 2),
        "ce_ipv6": ce_address(prefix_bits, ipv4_bits, psid_bits, row["iid"]),
        "ports": {"count": sum(last - first + 1 for first, last in ranges), "ranges": ranges},
        "mtu": 1460,
    }


with open(ROOT / "loader/data/rules.csv", newline="", encoding="ascii") as table:
    ROWS = list(csv.DictReader(table))


def test_random_lines():
    """Every fourth row, chosen anew with each change of the table, one random line of each."""
    chooser = random.Random(len(ROWS))
    for row in chooser.sample(ROWS, len(ROWS) // 4):
        ea_bits = format(chooser.getrandbits(int(row["ea_len"])), f"0{row['ea_len']}b")
        want = expected(row, ea_bits)
        code, got = rule_json(want["end_user_prefix"])
        if row["confidence"] == "low":
            assert "low confidence" in got.pop("warnings")[0]
        assert (code, got) == (0, want)


def test_first_light():
    """The line that the documentation uses."""
    code, got = rule_json("2400:4050:400:5600::/56")
    assert code == 0
    assert (got["ipv4"], got["psid"], got["mtu"]) == ("153.240.16.1", 22, 1460)
    assert (got["ports"]["count"], len(got["ports"]["ranges"])) == (1008, 63)
    assert got["ports"]["ranges"][0] == [1376, 1391]
    assert got["ce_ipv6"] == "2400:4050:400:5600:99:f010:100:1600"
    assert got["br"] == ["2001:380:a120::9"]


@pytest.mark.parametrize("iid", ["draft03", "rfc7597"])
def test_rule_by_hand(iid):
    code, got = rule_json("2001:db8:12:3400::/56", "--rule",
                          "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=16,offset=6",
                          "--iid", iid, "--mtu", "1400")
    assert code == 0
    assert (got["provider"], got["confidence"], got["iid"]) == ("by-hand", "by-hand", iid)
    assert (got["br"], got["mtu"], got["ports"]["count"]) == ([], 1400, 252)
    assert got["ce_ipv6"] == ce_address(
        bits(ipaddress.IPv6Network("2001:db8:12:3400::/56")),
        format(int(ipaddress.IPv4Address("192.0.2.18")), "032b"), format(0x34, "08b"), iid)


def test_ipv4_prefix():
    code, got = rule_json("2001:db8:10::/44", "--br", "2001:db8:ffff::1", "--rule",
                          "ipv6=2001:db8::/40,ipv4=192.0.2.0/24,ea=4")
    assert code == 0
    assert (got["ipv4"], got["psid"], got["rule"]["psid_len"]) == ("192.0.2.16/28", 0, 0)
    assert got["ports"] == {"count": 65536, "ranges": [[0, 65535]]}
    assert got["br"] == ["2001:db8:ffff::1"]


@pytest.mark.parametrize("prefix", ["2600::/56", "2408:210::/56", "2400:4050:400:5610::/60",
                                    "2400:4050::/32", "x", "", "\udcff"])
def test_refused(prefix):
    code, got = rule_json(prefix)
    assert code == 1
    assert set(got) == {"error", "hint"}
    assert got["error"] and got["hint"]
