# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""--help, the man page and the README tell the same story, and --help is the source of it."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MAPE_BUILD", ROOT / "build"))
MAN = ROOT / "docs/mape-xdp.8"
README = ROOT / "README.md"

OPTION = re.compile(r" +(?:-(?P<short>\w), +)?--(?P<name>[\w-]+)(?: (?P<value>\S+))?"
                    r"(?: {2,}(?P<help>.+))?")


def call_help(*words):
    """Lines of --help, by section: '' before the first "Title:" line."""
    text = subprocess.run([BUILD / "mape-xdp", *words, "--help"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    sections, title = {"": []}, ""
    for line in text.splitlines():
        if re.fullmatch(r"[A-Z][\w ]+:", line):
            title = line[:-1]
        sections.setdefault(title, []).append(line)
    return sections


def help_options(lines):
    """{"-h, --help" or "--mtu BYTES": help}"""
    options, name = {}, None
    for line in lines[1:]:
        match = OPTION.fullmatch(line)
        if match:
            name = "".join([f"-{match['short']}, " if match["short"] else "", f"--{match['name']}",
                            f" {match['value']}" if match["value"] else ""])
            options[name] = match["help"] or ""
        elif name and line.startswith("   "):
            options[name] = f"{options[name]} {line.strip()}".strip()
        else:
            name = None
    return options


def from_help():
    """{command: (positional words, summary, options)}; '' for the options of all commands."""
    general = call_help()
    found = {"": ("", "", help_options(general["Options of all commands"]))}
    for line in general["Commands"][1:]:
        if not line.strip():
            continue
        command, summary = line.split(maxsplit=1)
        own = call_help(command)
        usage, _, said = own[""][:3]
        words = re.fullmatch(rf"Usage: mape-xdp {command} \[OPTION\.\.\.\] ?(.*)", usage)[1]
        assert said == summary
        assert help_options(own["Options of all commands"]) == found[""][2]
        found[command] = words, summary, help_options(own.get("Options", [""]))
    return found


def plain(text):
    """roff's way to write a character, undone."""
    for roff, char in ((r"\&", ""), (r"\-", "-"), (r"\(aq", "'"), (r"\e", "\\")):
        text = text.replace(roff, char)
    return text


def man_option(words):
    """'Fl h , Fl -help' -> '-h, --help'; 'Fl -mtu Ar BYTES' -> '--mtu BYTES'"""
    text = re.sub(r"Fl (\S+)", r"-\1", words)
    return plain(re.sub(r"Ar (\S+)", r"\1", text).replace(" ,", ","))


def from_man():
    """The same, read from the source of the man page."""
    found, command, option, summary_next = {}, None, None, False
    for line in MAN.read_text().splitlines():
        macro, _, rest = line.partition(" ")
        if macro == ".Sh":
            command = "" if rest == "OPTIONS" else None
            if command == "":
                found[""] = ("", "", {})
        elif macro == ".Ss":
            command, _, words = rest.partition(" ")
            found[command], summary_next = (words, "", {}), True
        elif command is None:
            continue
        elif summary_next:
            found[command], summary_next = (found[command][0], plain(line), {}), False
        elif macro == ".It":
            option = man_option(rest)
            found[command][2][option] = ""
        elif macro.startswith("."):
            option = None
        elif option:
            options = found[command][2]
            options[option] = f"{options[option]} {plain(line)}".strip()
    return found


@pytest.fixture(scope="module", name="helped")
def helped_fixture():
    """What --help says."""
    return from_help()


def test_man_page_says_what_help_says(helped):
    described = from_man()
    assert list(described) == list(helped)
    for command, said in helped.items():
        assert described[command] == said, command


def test_help_is_understood(helped):
    """Guards the comparison itself against comparing nothing."""
    assert helped["attach"][0] == "WAN [LAN...]"
    assert helped[""][2]["-h, --help"] == "print this help"
    assert "--wan-hook auto|xdp|xdp-generic|tc" in helped["attach"][2]
    assert all(summary for _, summary, _ in list(helped.values())[1:])
    assert all(text for _, _, options in helped.values() for text in options.values())


def names(helped):
    """All long options."""
    return {re.search(r"--[\w-]+", option)[0] for _, _, options in helped.values()
            for option in options}


@pytest.mark.parametrize("path", [README, MAN], ids=["README", "man"])
def test_only_options_and_commands_that_exist(helped, path):
    text = plain(path.read_text())
    options = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text)) | \
        {f"-{o}" for o in re.findall(r"(?<=Fl )-[\w-]+", text)}
    assert options and options <= names(helped)
    # In code: a line of its own, or the text between backquotes.
    code = re.findall(r"^ +.*|^mape-xdp .*|`[^`]+`", text, re.MULTILINE)
    commands = {c for line in code
                for c in re.findall(r"(?<![\w.-])(?:build/)?mape-xdp ([a-z]+)\b", line)}
    assert commands and commands <= set(helped)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_man_page_is_well_formed():
    lint = subprocess.run(["groff", "-mdoc", "-ww", "-z", MAN], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert lint.stdout == ""
