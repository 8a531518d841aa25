# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ports bench in small: sessions that fill the ports, against nftables in the same lab."""

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../bench'))

import ports_bench  # noqa: E402
from lablines import V6PLUS  # noqa: E402
from ports_lab import PortsLab, load  # noqa: E402

pytestmark = pytest.mark.usefixtures('make_lab')  # root, what was built, and no labs of the dead
SERVERS = 10
SPACE = 240 * SERVERS


def test_most_of_the_space(tmp_path):
    file = tmp_path / 'ports.json'
    assert ports_bench.main(['--quick', '--json', str(file)]) == 0
    records = json.loads(file.read_text())
    assert len(records) == 4
    for record in records:
        assert record['ours'] == 1 and record['ok'], record
        if 'first range' in record['row']:
            # 16 ports make 160 sessions: the bench counts what fails.
            assert round(record['against'] * 2280) == 16 * SERVERS, record


@pytest.mark.parametrize('proto', ['tcp', 'udp'])
def test_all_of_the_space_and_four_more(proto):
    with PortsLab(V6PLUS) as lab:
        opened, checked = load(lab, proto, SPACE + 4, SERVERS, timeout=5)
        assert (opened['good'], opened['failed']) == (SPACE, {'EHOSTUNREACH': 4})
        assert (checked['good'], checked['failed']) == (SPACE, {})
        assert checked['ports'] == V6PLUS.ports
        assert lab.peer.refused() == {}
        assert lab.mape_json('stats')['outcomes']['drop_out_no_port']['packets'] == 4
