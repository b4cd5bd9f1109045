"""Show that the settings reference is that of the models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_reference_is_not_stale() -> None:
    """The page is what the models say; ``make settings`` writes it."""
    script = Path(__file__).parents[2] / "docs" / "settings_reference.py"
    ended = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
