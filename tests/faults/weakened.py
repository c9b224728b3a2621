"""The daemon with one safeguard switched off, for negative controls.

`python -m tests.faults.weakened MODULE:FUNCTION`: the function runs first and patches what it likes; then the
daemon runs as always. The product itself has no such switch. Through the support:
`Daemon(..., weakened="tests.faults.test_power:without_sync")`.
"""

from __future__ import annotations

import sys
from importlib import import_module

from tsipcd.__main__ import main

if __name__ == "__main__":
    module, _, function = sys.argv.pop(1).partition(":")
    getattr(import_module(module), function)()
    main()
