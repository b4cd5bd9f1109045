"""Provide buckets of a real HTTP server that speaks S3."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3 import S3Client

ACCESS_KEY: Final = "access-0f3a"
SECRET_KEY: Final = "secret-77c1"  # noqa: S105 - of a server that the tests started
REGION: Final = "us-east-1"


class Bucket(NamedTuple):
    """A bucket, and how it is reached."""

    client: S3Client
    name: str
    endpoint: str

    @property
    def url(self) -> str:
        """Return the URL of the whole bucket."""
        return f"s3://{self.name}"

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings that reach it."""
        return {
            "endpoint_url": self.endpoint,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }

    def put(self, key: str, content: bytes | str = b"<testsuite/>") -> None:
        """Store an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key: str) -> str:
        """Return the text of an object."""
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read().decode()

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=self.name, Key=key)

    def names(self) -> list[str]:
        """Return the keys of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment of a process that sweeps the bucket."""
        return {
            "IBUTSU_INTAKE_URL": self.url,
            "IBUTSU_INTAKE_ENDPOINT_URL": self.endpoint,
            "IBUTSU_INTAKE_REGION": REGION,
            "IBUTSU_INTAKE_ACCESS_KEY_ID": ACCESS_KEY,
            "IBUTSU_INTAKE_SECRET_ACCESS_KEY": SECRET_KEY,
            **more,
        }


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Run a server that speaks S3 for the session, and return its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str) -> Iterator[Bucket]:
    """Return an empty bucket that belongs to the test."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    name = f"bucket-{uuid4()}"
    with closing(client):
        client.create_bucket(Bucket=name)
        yield Bucket(client, name, s3_endpoint)
