"""Run the command in a terminal of a given width."""

from __future__ import annotations

import os
import pty
import subprocess
import sys


def in_a_terminal(columns: int, *arguments: str, **settings: str) -> str:
    """Return what ``ibutsu`` prints in a terminal that is ``columns`` wide, once it has ended."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "ibutsu_server", *arguments]
    environment = {**os.environ, **settings, "COLUMNS": str(columns), "TERM": "dumb"}
    with subprocess.Popen(command, env=environment, stdout=its, stderr=its) as process:
        os.close(its)
        output = b""
        try:
            while chunk := os.read(ours, 65536):
                output += chunk
        except OSError:  # how Linux reports that nobody has the other end open any more
            pass
        finally:
            os.close(ours)
    assert process.returncode in (0, 1)
    return output.decode().replace("\r\n", "\n")
