#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Turns the table of known rules into C: gen-rules.py rules.csv > rule_table.c"""

import csv
import ipaddress
import sys

CONFIDENCE = {"agreed": "AGREED", "one-source": "ONE_SOURCE", "low": "LOW"}
IID = {"draft03": "DRAFT03", "rfc7597": "RFC7597"}


def c_ip6(address):
    number = int(address)
    return "{ 0x%016xULL, 0x%016xULL }" % (number >> 64, number & (1 << 64) - 1)


def c_rule(row):
    # strict: bits beyond the length are a mistake in the table
    ip6 = ipaddress.IPv6Network(row["ipv6_prefix"])
    ip4 = ipaddress.IPv4Network(row["ipv4_prefix"])
    ea_len = int(row["ea_len"])
    fields = [
        ("ip6", c_ip6(ip6.network_address)),
        ("ip6_len", ip6.prefixlen),
        ("ip4", "0x%08x" % int(ip4.network_address)),
        ("ip4_len", ip4.prefixlen),
        ("ea_len", ea_len),
        ("psid_offset", int(row["psid_offset"])),
        ("psid_len", max(0, ip4.prefixlen + ea_len - 32)),
        ("iid", "MAPE_IID_" + IID[row["iid"]]),
        ("confidence", "MAPE_CONF_" + CONFIDENCE[row["confidence"]]),
        ("provider", '"%s"' % row["provider"]),
    ]
    if not all(c.isalnum() or c in "-_" for c in row["provider"]):
        raise ValueError("provider")
    if row["br"]:
        fields += [("br", "{ %s }" % c_ip6(ipaddress.IPv6Address(row["br"]))), ("br_count", 1)]
    return "\t{ " + ", ".join(".%s = %s" % field for field in fields) + " },"


def main(path):
    with open(path, newline="", encoding="ascii") as table:
        reader = csv.DictReader(table)
        rules = []
        for row in reader:
            try:
                rules.append(c_rule(row))
            except (ValueError, KeyError) as error:
                sys.exit("%s:%d: %s" % (path, reader.line_num, error))
    print("/* made by loader/data/gen-rules.py from loader/data/rules.csv */")
    print("#include <rule/rule.h>\n")
    print("const struct mape_rule mape_rule_table[] = {")
    print("\n".join(rules))
    print("};\n")
    print("const size_t mape_rule_count = sizeof(mape_rule_table) / sizeof(mape_rule_table[0]);")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
