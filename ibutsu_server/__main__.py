"""Run the command line: ``python -m ibutsu_server``."""

from __future__ import annotations

from ibutsu_server.cli import main

if __name__ == "__main__":
    main(prog_name="python -m ibutsu_server")
