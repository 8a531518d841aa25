# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the BPF objects must be made of to load on every kernel from 6.1, also without its BTF."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from elf import Elf

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MAPE_BUILD", ROOT / "build"))
SOURCES = sorted(path.name.removesuffix(".c") for path in (ROOT / "bpf").glob("*.bpf.c"))
# Names are cut at 15 characters by the kernel.
NAME_MAX = 15


@pytest.fixture(params=SOURCES)
def name(request):
    return request.param


@pytest.fixture
def elf(name):
    return Elf(BUILD / "bpf" / f"{name}.o")


def functions(elf):
    return [symbol for symbol in elf.symbols if symbol.kind == "FUNC" and symbol.section]


def programs(elf):
    """libbpf takes every function outside .text as a program of its own."""
    return [symbol for symbol in functions(elf) if symbol.section != ".text"]


def btf(name):
    bpftool = os.environ.get("BPFTOOL", "/usr/sbin/bpftool")
    dump = subprocess.run([bpftool, "-j", "btf", "dump", "file", BUILD / "bpf" / f"{name}.o"],
                          stdout=subprocess.PIPE, check=True).stdout
    return {entry["id"]: entry for entry in json.loads(dump)["types"]}


def may_be_context(types, number):
    """Whether a parameter is a pointer to a program context, or to void, which could hide one."""
    def bare(number):
        while number and types[number]["kind"] in ("CONST", "VOLATILE", "RESTRICT", "TYPEDEF"):
            number = types[number]["type_id"]
        return number

    pointer = bare(number)
    if not pointer or types[pointer]["kind"] != "PTR":
        return False
    target = bare(types[pointer]["type_id"])
    return not target or types[target]["name"] in ("__sk_buff", "xdp_md")


def test_there_are_objects():
    assert SOURCES


def test_programs_are_of_stable_types(elf):
    """XDP, TC and programs for BPF_PROG_TEST_RUN: no tracing, whose targets change."""
    assert programs(elf)
    for program in programs(elf):
        assert re.match(r"(xdp|tc|syscall)($|/|\.)", program.section), program


def test_names_fit(elf):
    maps = [symbol for symbol in elf.symbols if symbol.section == ".maps"]
    for symbol in programs(elf) + maps:
        assert len(symbol.name) <= NAME_MAX, symbol


def test_no_core_relocations(elf):
    assert elf.core_relocations() == 0


def test_no_kernel_functions(elf):
    """Kfuncs and kernel variables are the symbols that an object leaves undefined."""
    assert [symbol for symbol in elf.symbols
            if symbol.section is None and symbol.kind != "FILE"] == []


def test_no_global_function_takes_the_context(name, elf):
    """To check one, the verifier looks the context's type up in the kernel's BTF."""
    types = btf(name)
    protos = {entry["name"]: types[entry["type_id"]]
              for entry in types.values() if entry["kind"] == "FUNC"}
    for symbol in functions(elf):
        if symbol.section != ".text" or symbol.binding == "LOCAL":
            continue
        for parameter in protos[symbol.name]["params"]:
            assert not may_be_context(types, parameter["type_id"]), (symbol, parameter)


def test_builds_for_both_byte_orders(name, elf):
    other = Elf(BUILD / "bpfeb" / f"{name}.o")
    assert (elf.order, other.order) == ("<", ">")
    assert [p.name for p in programs(other)] == [p.name for p in programs(elf)]
