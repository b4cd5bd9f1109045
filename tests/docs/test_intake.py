"""Show that the settings on the page about the intake are what they are said to be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from ibutsu_server.ingest.folder_store import SETTLED_SECONDS
from ibutsu_server.ingest.upload import RESULT_SUFFIXES
from ibutsu_server.settings import IntakeSettings, Sources

PAGE: Final = (Path(__file__).parents[2] / "docs" / "intake.rst").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^\.\. code-block:: text\n\n((?:   .*\n)+)", PAGE, re.M)


def settings_of(block: str) -> dict[str, str]:
    """Return the variables that a block sets."""
    pairs = (line.strip().partition("=") for line in block.splitlines())
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("block", "url"),
    list(zip(BLOCKS, ["s3://shop-results", "s3://shop-results", "file:///srv/intake"], strict=True)),
)
def test_the_settings_sweep_what_the_page_says(block: str, url: str, tmp_path: Path) -> None:
    """Every block is valid by itself."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    here = {"/run/secrets/intake_secret_access_key": str(secret), "file:///srv/intake": tmp_path.as_uri()}
    for there, path in here.items():
        block = block.replace(there, path)
    settings = IntakeSettings.from_sources(Sources(environ=settings_of(block)))
    assert settings.store_url == here.get(url, url)
    assert (settings.secret_access_key is None) == ("SECRET" not in block)


def test_the_numbers_and_names_are_those_of_the_code() -> None:
    """Defaults, the seconds for which a file must not have changed, and the endings of names."""
    words = " ".join(PAGE.split())
    default = IntakeSettings.hermetic()
    assert f"(``IBUTSU_INTAKE_INTERVAL``, {default.interval:g} seconds)" in words
    assert f"``IBUTSU_INTAKE_MAX_OBJECT_BYTES`` ({default.max_object_bytes // 1024**2} MiB)" in words
    assert f"has not changed for {SETTLED_SECONDS} seconds" in words
    assert all(f"``{suffix}``" in words for suffix in RESULT_SUFFIXES)
