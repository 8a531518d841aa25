#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Turns published MAP-E examples into C: gen-vectors.py vectors.csv > vectors.h

The expected values are the ones of the sources, except where column source_is_wrong_in says that
a source is mistaken: those stand in CORRECT, next to what the mistake was.
"""

import csv
import ipaddress
import sys

CORRECT = {
    # PSID put at the left end of its field; RFC 7597, appendix A has it at the right end
    "P1": ("ce6", {"ce_ipv6": "2001:db8:6401:0:0:c000:264:1"}),
    "P4": ("ce6", {"ce_ipv6": "2001:db8:6405:0:0:c000:264:5"}),
    # wrong last range: 15 * 4096 + 5 * 16 = 61520
    "P5": ("ports", {"ports": "4176-4191;8272-8287;...;61520-61535"}),
    # wrong PSID: 0x774 & 0x1f = 20
    "K2": ("ports", {"ports": "40960-43007"}),
    # 12 = ea - offset; right is ea - (32 - IPv4 prefix length)
    "N1": ("psid_len", {"psid_len": "6"}),
}

HEAD_MAX = 16
TAIL_MAX = 2


def number(text, absent="-1"):
    return str(int(text, 0)) if text else absent


def c_ip6(address):
    value = int(address)
    return "{ 0x%016xULL, 0x%016xULL }" % (value >> 64, value & (1 << 64) - 1)


def c_text(text):
    assert '"' not in text and "\\" not in text
    return '"%s"' % text


def c_ranges(name, ranges, limit):
    assert len(ranges) <= limit
    pairs = ["{ %d, %d }" % tuple(map(int, text.split("-"))) for text in ranges]
    return [("n_" + name, len(pairs)), (name, "{ %s }" % ", ".join(pairs))] if pairs else []


def rule_fields(row):
    if not row["rule_ipv6"]:
        return []
    ip6 = ipaddress.IPv6Network(row["rule_ipv6"])
    ip4 = ipaddress.IPv4Network(row["rule_ipv4"])
    return [
        ("has_rule", "true"),
        ("rule_ip6", c_ip6(ip6.network_address)), ("rule_ip6_len", ip6.prefixlen),
        ("rule_ip4", "0x%08x" % int(ip4.network_address)), ("rule_ip4_len", ip4.prefixlen),
        ("ea_len", int(row["ea_len"])),
    ]


def input_fields(row):
    fields = []
    if row["end_user_prefix"]:
        prefix = ipaddress.IPv6Network(row["end_user_prefix"])
        fields += [("prefix", c_ip6(prefix.network_address)), ("prefix_len", prefix.prefixlen),
                   ("prefix_text", c_text(row["end_user_prefix"]))]
    if row["probe"]:
        address, port = row["probe"].split(":")
        fields += [("has_probe", "true"), ("probe_port", int(port)),
                   ("probe_ip4", "0x%08x" % int(ipaddress.IPv4Address(address)))]
    return fields


def expected_fields(row):
    fields = []
    if row["ipv4"]:
        fields += [("has_ip4", "true"), ("ip4", "0x%08x" % int(ipaddress.IPv4Address(row["ipv4"])))]
    if row["ce_ipv6"]:
        fields += [("has_ce", "true"), ("ce", c_ip6(ipaddress.IPv6Address(row["ce_ipv6"]))),
                   ("iid_only", "true" if row["scope"] else "false")]
    if row["iid_format"]:
        fields += [("iid", {"draft": "MAPE_IID_DRAFT03",
                            "rfc": "MAPE_IID_RFC7597"}[row["iid_format"]])]
    if row["br"]:
        fields += [("br", c_ip6(ipaddress.IPv6Address(row["br"])))]
    ranges = row["ports"].split(";") if row["ports"] else []
    gap = ranges.index("...") if "..." in ranges else len(ranges)
    fields += [("all_ranges", "true" if ranges and gap == len(ranges) else "false")]
    fields += c_ranges("head", ranges[:gap], HEAD_MAX)
    fields += c_ranges("tail", [text for text in ranges[gap + 1:] if text], TAIL_MAX)
    return fields


def c_vector(row):
    fields = [
        ("id", c_text(row["id"])),
        ("provider", c_text(row["provider"])),
        ("psid_offset", number(row["psid_offset"])),
        ("psid_len", number(row["psid_len"])),
        ("psid", number(row["psid"])),
        ("psid_explicit", "true" if row["psid_explicit"] == "y" else "false"),
        ("port_count", number(row["port_count"])),
    ]
    fields += rule_fields(row) + input_fields(row) + expected_fields(row)
    return "\t{\n" + "".join("\t\t.%s = %s,\n" % field for field in fields) + "\t},"


TYPES = f"""\
/* made by tests/data/gen-vectors.py from tests/data/vectors.csv */
#ifndef VECTORS_H
#define VECTORS_H

#include <mape/arith.h>

/* -1: the source does not say. */
struct vector {{
	const char *id, *provider;
	bool has_rule, psid_explicit, has_probe, has_ip4, has_ce;
	bool iid_only;		/* only the lower 64 bits of ce are from the source */
	bool all_ranges;	/* head has all of them */
	struct mape_ip6 rule_ip6;
	int rule_ip6_len, rule_ip4_len, ea_len;
	__u32 rule_ip4;
	int psid_offset, psid_len, psid, port_count;
	struct mape_ip6 prefix;
	int prefix_len;
	const char *prefix_text;
	__u32 probe_ip4;	/* find the CE that owns this address and port */
	int probe_port;
	__u32 ip4;
	struct mape_ip6 ce, br;
	enum mape_iid iid;
	int n_head, n_tail;	/* first and last ranges of the port set */
	int head[{HEAD_MAX}][2], tail[{TAIL_MAX}][2];
}};

static const struct vector vectors[] = {{"""


def main(path):
    with open(path, newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    wrong = {row["id"]: row["source_is_wrong_in"] for row in rows if row["source_is_wrong_in"]}
    if wrong != {name: where for name, (where, _) in CORRECT.items()}:
        sys.exit("%s: the rows with a wrong source are %s" % (path, wrong))
    print(TYPES)
    for row in rows:
        # what is not ASCII stands only in names
        row["provider"] = row["provider"].encode("ascii", "ignore").decode()
        print(c_vector({**row, **CORRECT.get(row["id"], ("", {}))[1]}))
    print("};\n\n#endif")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
