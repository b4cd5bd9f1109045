"""Make archives of pytest-ibutsu for tests."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

RUN = "11111111-1111-4111-8111-111111111111"
RESULT = "22222222-2222-4222-8222-222222222222"
OTHER_RESULT = "33333333-3333-4333-8333-333333333333"


def archive(files: dict[str, bytes | dict[str, Any]]) -> bytes:
    """Pack files, given by their paths, into the same bytes each time; a dictionary is written as JSON."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzipped(target.getvalue())


def gzipped(content: bytes) -> bytes:
    """Compress content into the same bytes each time."""
    return gzip.compress(content, mtime=0)


def one_run(run: dict[str, Any] | None = None, **result: Any) -> bytes:
    """Pack a run with one result, and a file of each."""
    return archive(
        {
            f"{RUN}/run.json": {"id": RUN, "start_time": "2026-03-01T10:00:00", **(run or {})},
            f"{RUN}/run.log": b"of the run",
            f"{RUN}/{RESULT}/result.json": {"id": RESULT, "test_id": "t", "result": "failed", **result},
            f"{RUN}/{RESULT}/traceback.log": b"of the result",
        }
    )
