# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures of the lab tests; see also ../conftest.py."""

import pytest


@pytest.fixture
def quick(make_lab):
    """A lab whose CE does not wait for duplicate address detection, with servers."""
    lab = make_lab(guest=True)
    lab.serve()
    lab.ce.sysctl('net.ipv6.conf.eth2.accept_dad', 0)
    yield lab
    assert lab.peer.refused() == {}
