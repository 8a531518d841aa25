# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures for the tests that need root: the built programs, and labs that always end.

MAPE_BUILD names the build directory (default: build/ of this checkout).
"""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lab'))


def _built(*parts):
    """Path of a built file; without it a test fails, it is not skipped."""
    build = os.environ.get('MAPE_BUILD') or os.path.join(HERE, '../build')
    path = os.path.abspath(os.path.join(build, *parts))
    if not os.path.exists(path):
        pytest.fail(f'{path} is not built: run make lab-programs', pytrace=False)
    return path


@pytest.fixture
def root():
    """Only root may go on."""
    if os.geteuid():
        pytest.skip('needs root: sudo make check-lab, or sudo python3 -m pytest FILE')


@pytest.fixture
def mape_xdp():
    """Path of the mape-xdp that was built."""
    return _built('mape-xdp')


@pytest.fixture
def make_lab(root):
    """A function that makes a Lab (arguments as for Lab) which ends with the test."""
    from lab import Lab
    from labsweep import sweep_stale
    sweep_stale()
    _built('tests/br')
    _built('tests/peer.bpf.o')
    labs = []

    def make(**options):
        labs.append(Lab(**options))
        return labs[-1]
    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(make_lab):
    """A lab with the checking BR."""
    return make_lab()
