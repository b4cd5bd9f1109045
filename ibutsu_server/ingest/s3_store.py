"""A bucket of S3 as a store of result files; the one module that needs boto3."""

from __future__ import annotations

from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from ibutsu_server.constants import SOCKET_CONNECT_TIMEOUT
from ibutsu_server.ingest.stores import (
    IMPORTED,
    ObjectGoneError,
    StoredObject,
    StoreError,
    StoreOutageError,
    refuse_larger,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr
    from types_boto3_s3 import S3Client

    from ibutsu_server.settings import IntakeSettings
    from ibutsu_server.settings.intake import StoreUrl

_AFTER_IMPORTED: Final = IMPORTED.replace("/", "0")
"""The first name after all those that begin with ``imported/``: the character after the slash is a zero."""

_READ_TIMEOUT: Final = 60
_ATTEMPTS: Final = 3

_OUTAGES: Final = frozenset(
    {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"}
)
"""Codes of errors that pass; https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

_OTHER_REGION: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_CREDENTIALS: Final = "set IBUTSU_INTAKE_ACCESS_KEY_ID and IBUTSU_INTAKE_SECRET_ACCESS_KEY"


class S3Store:
    """The objects of a bucket whose keys begin with the prefix of a URL."""

    def __init__(self, client: S3Client, url: StoreUrl) -> None:
        self._client = client
        self._bucket = url.bucket
        self._prefix = url.prefix

    @classmethod
    @contextmanager
    def connected(cls, url: StoreUrl, settings: IntakeSettings) -> Iterator[Self]:
        """Open the connections to the bucket, and close them at the end."""
        config = Config(
            connect_timeout=SOCKET_CONNECT_TIMEOUT,
            read_timeout=_READ_TIMEOUT,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            # Servers other than Amazon's do not all know the checksums that boto3 adds where it may.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            client = boto3.session.Session().client(
                "s3",
                endpoint_url=settings.endpoint_url,
                region_name=settings.region_name,
                aws_access_key_id=_unwrapped(settings.access_key_id),
                aws_secret_access_key=_unwrapped(settings.secret_access_key),
                config=config,
            )
        except BotoCoreError as error:
            message = f"The configuration of boto3 cannot be used ({type(error).__name__}): correct it."
            raise StoreError(message) from error
        try:
            yield cls(client, url)
        finally:
            client.close()

    def objects(self) -> Iterator[StoredObject]:
        """Yield the objects in the order of their keys, asking for a thousand at a time."""
        after = ""
        while True:
            with self._answers():
                page = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix, StartAfter=after
                )
            for each in page.get("Contents", ()):
                after, name = each["Key"], each["Key"].removeprefix(self._prefix)
                if name.startswith(IMPORTED):
                    after = self._key(_AFTER_IMPORTED)
                    break
                yield StoredObject(name, each["ETag"], each["Size"])
            else:
                if not page["IsTruncated"]:
                    return

    def find(self, name: str) -> StoredObject | None:
        """Return the object called ``name``, if there is one."""
        try:
            with self._answers(name):
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
        except ObjectGoneError:
            return None
        return StoredObject(name, found["ETag"], found["ContentLength"])

    def read(self, each: StoredObject, limit: int) -> bytes:
        """Return the content of an object."""
        with self._answers(each.name):
            found = self._client.get_object(
                Bucket=self._bucket, Key=self._key(each.name), IfMatch=each.version
            )
            with closing(found["Body"]) as body:
                refuse_larger(limit, found["ContentLength"])
                content = body.read(limit + 1)
        if len(content) != found["ContentLength"]:
            message = f"the content of {each.name} was cut off"
            raise StoreOutageError(message)
        return content

    def write(self, name: str, content: bytes) -> None:
        """Store a small object."""
        with self._answers(name):
            self._client.put_object(
                Bucket=self._bucket, Key=self._key(name), Body=content, ContentType="text/plain"
            )

    def move(self, each: StoredObject, name: str) -> None:
        """Copy an object and delete it: S3 cannot rename."""
        self._require_version(each)
        source = self._key(each.name)
        with self._answers(each.name):
            self._client.copy_object(
                Bucket=self._bucket,
                Key=self._key(name),
                CopySource={"Bucket": self._bucket, "Key": source},
                CopySourceIfMatch=each.version,
            )
        self.remove(each)

    def remove(self, each: StoredObject) -> None:
        """Delete an object."""
        self._require_version(each)
        with self._answers(each.name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(each.name), IfMatch=each.version)

    def _require_version(self, each: StoredObject) -> None:
        """Ask for the version before it is changed, as not every server knows the conditions of a request."""
        if self.find(each.name) != each:
            raise ObjectGoneError(each.name)

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}"

    @contextmanager
    def _answers(self, name: str = "") -> Iterator[None]:
        """Raise the errors of boto3 as those of a store, which show no more of the answer than its code."""
        try:
            yield
        except ClientError as error:
            raise self._error_of(error, name) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            message = f"There are no credentials for the bucket {self._bucket!r}: {_CREDENTIALS}."
            raise StoreError(message) from error
        except (NoConnectionError, HTTPClientError) as error:
            message = f"The bucket {self._bucket!r} does not answer ({type(error).__name__})."
            raise StoreOutageError(message) from error
        except BotoCoreError as error:
            message = f"The bucket {self._bucket!r} cannot be used ({type(error).__name__})."
            raise StoreError(message) from error

    def _error_of(self, error: ClientError, name: str) -> Exception:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        bucket = f"The bucket {self._bucket!r}"
        if code == "NoSuchBucket" or (status == HTTPStatus.NOT_FOUND and not name):
            return StoreError(f"{bucket} does not exist: create it, or correct the URL.")
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
            return ObjectGoneError(name)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _OUTAGES:
            return StoreOutageError(f"{bucket} does not answer now ({code}).")
        if code in _OTHER_REGION:
            return StoreError(f"{bucket} is in another region ({code}): set IBUTSU_INTAKE_REGION.")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return StoreError(
                f"{bucket} denies access ({code}): {_CREDENTIALS}, and allow these credentials to "
                "list the bucket, and to read, write and delete its objects."
            )
        return StoreError(f"{bucket} refuses a request ({code}).")


def _unwrapped(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
