"""Read the messages of a queue: whoever can write to Redis decides what is in them."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from kombu.exceptions import KombuError
from kombu.utils.json import loads
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError),
    *(KombuError, ValidationError),
)
"""What the decoders of JSON, base64 and kombu's own types raise over bad data."""

_LONGEST_LIMIT: Final = 1e9

Seconds = Annotated[float, Field(ge=0, le=_LONGEST_LIMIT, allow_inf_nan=False)]
Text = str | None
Time = Annotated[str, Field(min_length=1)] | datetime | None


class UnreadableMessageError(Exception):
    """A message that is not what Celery sends; its text says why and holds nothing of the message."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


class _Properties(_Part):
    delivery_tag: str
    delivery_info: dict[str, Any]
    body_encoding: Literal["base64", "utf-8"] | None = None
    correlation_id: Text = None
    reply_to: Text = None


class _Envelope(_Part):
    """A message as kombu stores it in Redis."""

    properties: _Properties
    headers: dict[str, Any] | None = None
    body: str
    content_type: Text = Field(None, alias="content-type")
    content_encoding: Text = Field(None, alias="content-encoding")


class _Task(_Part):
    """What the worker's main process reads of a task, in Celery's message protocols 1 and 2.

    https://docs.celeryq.dev/en/stable/internals/protocol.html
    """

    task: str
    id: str
    retries: Annotated[int, Field(ge=0)] | None = 0
    timelimit: Annotated[list[Seconds | None], Field(min_length=2, max_length=2)] | None = None
    eta: Time = None
    expires: Time = None
    shadow: Text = None
    root_id: Text = None
    parent_id: Text = None
    group: Text = None
    groups: list[str] | None = None
    lang: Text = None
    origin: Text = None
    compression: Text = None
    argsrepr: Text = None
    kwargsrepr: Text = None
    ignore_result: bool | None = None
    replaced_task_nesting: int | None = None
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] | None = None


class _OldTask(_Task):
    """A task of protocol 1, whose body holds everything."""

    args: list[Any] = []
    kwargs: dict[str, Any] = {}


def read_envelope(item: bytes | str) -> dict[str, Any]:
    """Return the message that an element of a queue's list holds.

    Raises:
        UnreadableMessageError: kombu cannot make a message of it.
    """
    try:
        envelope: dict[str, Any] = loads(item)
        read = _Envelope.model_validate(envelope)
        if read.properties.body_encoding == "base64":
            b64decode(read.body)
    except _UNREADABLE as error:
        raise UnreadableMessageError(_reason("the envelope", error)) from error
    return envelope


def check_task(message: Any) -> None:
    """Check what the worker's main process will read of a message, and decode its body.

    Raises:
        UnreadableMessageError: the message is not a task.
    """
    try:
        body = message.payload
    except _UNREADABLE as error:
        raise UnreadableMessageError(_reason("the body", error)) from error
    is_old = "task" not in message.headers
    try:
        if is_old:
            _OldTask.model_validate(body)
            return
        _Task.model_validate(message.headers)
    except ValidationError as error:
        raise UnreadableMessageError(_reason("the body" if is_old else "the headers", error)) from error
    if not _is_body(body):
        reason = "the body is not a list of arguments, keyword arguments and options"
        raise UnreadableMessageError(reason)


def _is_body(body: object) -> bool:
    match body:
        case [list(), dict(), dict() | None]:
            return True
    return False


def _reason(part: str, error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        path = ".".join(map(str, first["loc"]))
        subject = f"{path} in {part}" if path else part
        return f"{subject} is wrong: {first['msg']}"
    return f"{part} cannot be decoded: {type(error).__name__}"
