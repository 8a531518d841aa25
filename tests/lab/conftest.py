# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures of the lab tests; see also ../conftest.py."""

import pytest

from labinside import audit_is_right
from lablines import OCN
from labstun import Servers


@pytest.fixture
def quick(make_lab):
    """A lab whose CE does not wait for duplicate address detection, with servers."""
    lab = make_lab(guest=True)
    lab.serve()
    lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
    yield lab
    assert lab.peer.refused() == {}


@pytest.fixture
def stun_lab(make_lab):
    """A function that attaches with options, both hooks as given: a lab with .servers (labstun.py)
    and .words of the attach. In the end all is accounted for, and no firewall had to refuse."""
    labs = []

    def make(*options, hook='tc', line=OCN, **lab_options):
        lab = make_lab(line=line, lan='wire' if hook == 'xdp' else 'offload', **lab_options)
        lab.words = ['attach', 'eth2', 'br-lan', '--wan-hook', hook, '--lan-hook', hook, *options]
        if line is not OCN:
            lab.words += ['--rule', line.rule_option, '--iid', line.iid]
        lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
        lab.mape(*lab.words)
        lab.servers = Servers(lab)
        labs.append(lab)
        return lab
    yield make
    for lab in labs:
        lab.servers.close()
        assert lab.peer.refused() == {} and audit_is_right(lab)
        assert lab.counter('invalid') == lab.counter('refused') == 0
