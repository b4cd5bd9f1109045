"""Write archives that mean harm, each of any size."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEGABYTE = 1024**2
RUN = "11111111-1111-4111-8111-111111111111"


def write_bomb(path: Path, gigabytes: int) -> None:
    """Write an archive with a file of gigabytes: one compressed block of zeros, again and again."""
    blocks, size = 16 * gigabytes, 64 * MEGABYTE
    member = tarfile.TarInfo(f"{RUN}/zeros.log")
    member.size = blocks * size
    with path.open("wb") as file:
        file.write(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
        block = gzip.compress(bytes(size))
        for _ in range(blocks):
            file.write(block)


ARCHIVES: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "GB of zeros": (write_bomb, 5),
}
"""Writers of archives, each with a size: it is measured at that and at twice that."""
