"""Provide what the tests of the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """<testsuite name="shop" timestamp="2026-03-01T10:00:00" time="1.5">
  <testcase classname="tests.TestCart" name="test_total" time="0.5"/>
  <testcase classname="tests.TestCart" name="test_empty" time="1.0">
    <failure message="no">boom</failure>
  </testcase>
</testsuite>
"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Give a JUnit report of two cases: one passed, one failed."""
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    return path
