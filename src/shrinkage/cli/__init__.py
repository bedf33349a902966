"""The command line: one file a command, no logic; what a command does is in the library.

Who uses this: people at a terminal and scripts. It promises exit status 0 for success, 2 with one
line on the error stream for bad input, 130 after Ctrl-C, and numbers on the output stream.
"""

from __future__ import annotations

from shrinkage.extras import require

require("cli")
