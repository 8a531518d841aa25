# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two processors on the same records: afterwards everything is accounted for."""
import json
import os
import random
import subprocess

import pytest

SECONDS = os.environ.get("MAPE_HAMMER_SECONDS", "2")


@pytest.mark.parametrize("mode", ["flow", "mapping", "endpoints", "delete", "expire", "exhaust"])
def test_hammer(hammer, mode):
    if os.cpu_count() < 2:
        pytest.skip("needs two processors")
    seed = random.randrange(10 ** 6)
    done = subprocess.run([hammer, mode, SECONDS, str(seed)], stdout=subprocess.PIPE, text=True,
                          check=False)
    print(f"hammer {mode} {SECONDS} {seed}: {done.stdout}")
    numbers = json.loads(done.stdout)
    assert numbers["findings"] == []
    assert done.returncode == 0
    assert numbers["opened"] > 0
    assert numbers["deleted"] + numbers["expired"] > 0
