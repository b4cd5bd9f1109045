"""Where result files wait that nobody uploads, and what becomes of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, PlainValidator, PositiveInt, SecretStr, WithJsonSchema
from pydantic_settings import SettingsConfigDict

from ibutsu_server.settings.base import CrossFault, SettingsGroup
from ibutsu_server.settings.fields import Parsed, Seconds, setting

if TYPE_CHECKING:
    from collections.abc import Iterator

SWEEP: Final = "ibutsu_server.tasks.intake.sweep_intake"

S3: Final = "s3://"
"""What the URL of a bucket begins with."""

_FORM: Final = "must be s3://bucket/prefix or file:///absolute/path"
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ENDPOINT: Final = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?")
"""The URL of a server, without credentials. Linear: no part can match what its neighbour matches."""

_LARGEST_OBJECT: Final = 1_000_000_000
"""Bytes that one value of PostgreSQL can hold, rounded down."""


class StoreUrl(str):
    """Where objects are: ``s3://bucket/prefix``, or ``file:///path`` for a folder, without a last slash."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: Any) -> StoreUrl:
        """Read the URL of a bucket or a folder; the bucket may be left out.

        The prefix of an S3 URL is taken as it stands, like on AWS's command line, and counts as a folder.

        Raises:
            ValueError: the text is neither; the message does not repeat it, as it may hold credentials.
        """
        text = value.strip() if isinstance(value, str) else ""
        if text.startswith(S3):
            bucket, _, prefix = text.removeprefix(S3).partition("/")
            if bucket and not _BUCKET.fullmatch(bucket):
                message = f"{_FORM}; what stands for the bucket is not the name of one"
                raise ValueError(message)
            prefix = prefix.strip("/")
            return cls(f"{S3}{bucket}/{prefix}" if prefix else f"{S3}{bucket}")
        path = unquote(urlsplit(text).path) if text.startswith("file:///") else ""
        if not path.strip("/") or "\0" in path:
            raise ValueError(_FORM)
        if "?" in text or "#" in text:
            message = f"{_FORM}; write a '?' as %3F and a '#' as %23"
            raise ValueError(message)
        return cls(text.rstrip("/"))

    @property
    def folder(self) -> Path | None:
        """Return the folder, or None where the URL is one of S3."""
        return None if self.startswith(S3) else Path(unquote(urlsplit(self).path))

    @property
    def bucket(self) -> str:
        """Return the name of the bucket, empty where it was left out."""
        return self.removeprefix(S3).partition("/")[0]

    @property
    def prefix(self) -> str:
        """Return what the keys of all objects begin with, with a slash at its end, or an empty text."""
        prefix = self.removeprefix(S3).partition("/")[2]
        return f"{prefix}/" if prefix else ""


StoreUrlField = Annotated[
    Parsed[StoreUrl | None, StoreUrl | str | None],
    PlainValidator(lambda value: None if value is None else StoreUrl.parse(value)),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": r"^\s*(?:s3://|file:///)",
                    "x-kind": "a URL, s3://bucket/prefix or file:///path",
                },
                {"type": "null"},
            ]
        }
    ),
]


def _check_endpoint(url: str | None) -> str | None:
    if url is not None and not _ENDPOINT.fullmatch(url):
        message = (
            "must be the URL of a server without credentials, for example https://minio.example.com:9000"
        )
        raise ValueError(message)
    return url


class IntakeSettings(SettingsGroup):
    """Which bucket or folder is swept for result files, for whom, and what follows the import of each.

    Nothing is swept unless a URL is given.
    """

    model_config = SettingsConfigDict(env_prefix="IBUTSU_INTAKE_")

    url: StoreUrlField = setting(None)
    """What is swept: ``s3://bucket/prefix``, ``s3://`` for the bucket in ``AWS_BUCKET``, or ``file:///path``
    for a folder, which must exist wherever a worker or a scheduler runs."""

    project: str | None = None
    """Name or id of the project that the results belong to. Without it each file may add a run to the project
    that it names itself, like an upload without a project."""

    interval: Seconds = 300
    """Seconds between two sweeps."""

    after: Literal["move", "delete", "keep"] = "move"
    """What becomes of an object when its import is done: it is moved to ``imported/`` below the URL, deleted,
    or kept with a marker object beside it."""

    max_object_bytes: Annotated[int, Field(ge=1, le=_LARGEST_OBJECT)] = 256 * 1024**2
    """Bytes an object may have. It passes through the memory of a worker on its way into the database; one
    that is larger is not read, and the reason is written beside it."""

    max_objects: PositiveInt = 1000
    """Objects that one sweep stores, moves, deletes or marks; the next one goes on with the others."""

    endpoint_url: Annotated[str | None, AfterValidator(_check_endpoint)] = None
    """URL of a server that speaks S3, such as MinIO or Ceph. Without it boto3 decides, which reads
    ``AWS_ENDPOINT_URL`` and otherwise asks Amazon."""

    region: str | None = None
    """Region of the bucket; ``AWS_REGION`` where it is not given."""

    access_key_id: Parsed[SecretStr | None, SecretStr | str | None] = setting(None)
    """Access key. Without it boto3 finds credentials in its own way: environment, files, the role of the
    machine or pod."""

    secret_access_key: Parsed[SecretStr | None, SecretStr | str | None] = setting(None)
    """Secret of the access key."""

    aws_bucket: str | None = setting(None, validation_alias="AWS_BUCKET")
    """Bucket of pytest-ibutsu, for ``IBUTSU_INTAKE_URL=s3://``; by itself it switches nothing on."""

    aws_region: str | None = setting(None, validation_alias="AWS_REGION")
    """Region of pytest-ibutsu and of pods on AWS, for where ``IBUTSU_INTAKE_REGION`` is not given."""

    @property
    def store_url(self) -> StoreUrl | None:
        """Return the URL with its bucket, or None where nothing is swept."""
        if self.url is None or self.url.folder or self.url.bucket:
            return self.url
        return StoreUrl.parse(f"{S3}{self.aws_bucket}/{self.url.prefix}")

    @property
    def region_name(self) -> str | None:
        """Return the region that is named, whichever way."""
        return self.region or self.aws_region

    def task_modules(self) -> tuple[str, ...]:
        """Return the module of the sweep where there is something to sweep."""
        return () if self.url is None else (SWEEP.rpartition(".")[0],)

    def beat_entries(self) -> dict[str, dict[str, Any]]:
        """Return the entry of the sweep where there is something to sweep.

        A sweep that no worker has taken before the next one is due is dropped.
        """
        if self.url is None:
            return {}
        options = {"expires": self.interval}
        return {"sweep-intake": {"task": SWEEP, "schedule": self.interval, "options": options}}

    def cross_faults(self) -> Iterator[CrossFault]:
        """Yield a URL without a bucket, and half a pair of credentials."""
        yield from super().cross_faults()
        if self.url is not None and not (self.url.folder or self.url.bucket):
            if self.aws_bucket is None:
                yield CrossFault(
                    ("url", "aws_bucket"), "names no bucket; write s3://bucket, or set AWS_BUCKET"
                )
            elif not _BUCKET.fullmatch(self.aws_bucket):
                yield CrossFault(("aws_bucket", "url"), "is not the name of a bucket; correct it")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            given, other = ("access_key_id", "secret_access_key")[:: -1 if self.access_key_id is None else 1]
            problem = f"is of no use alone; set {self.names_of(other)[0]} too, or neither"
            yield CrossFault((given, other), problem)

    def _file_faults(self) -> Iterator[CrossFault]:
        yield from super()._file_faults()
        folder = self.url.folder if self.url else None
        if folder and not folder.is_dir():
            yield CrossFault(
                ("url",), f"names a folder that does not exist: {folder}; create it, or mount it"
            )
        elif folder and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            problem = f"names a folder that cannot be read and written: {folder}; correct its permissions"
            yield CrossFault(("url",), problem)
