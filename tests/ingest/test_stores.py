"""Show that a bucket and a folder are used in one way, and what each of them refuses."""

from __future__ import annotations

import os
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time
from typing import TYPE_CHECKING

import pytest

from ibutsu_server.exceptions import ImportRejectedError
from ibutsu_server.ingest.folder_store import SETTLED_SECONDS, FolderStore
from ibutsu_server.ingest.store_kinds import opened_store
from ibutsu_server.ingest.stores import ObjectGoneError, StoreError, StoreOutageError
from ibutsu_server.settings import IntakeSettings
from ibutsu_server.settings.intake import StoreUrl
from ibutsu_server.util.outages import is_outage
from tests.buckets import SECRET_KEY
from tests.ingest.places import BucketPlace, FolderPlace
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ibutsu_server.ingest.stores import Store, StoredObject
    from tests.buckets import Bucket
    from tests.ingest.places import Place

LIMIT = 1000


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a folder, then a bucket."""
    return (
        FolderPlace(tmp_path) if request.param == "folder" else BucketPlace(request.getfixturevalue("bucket"))
    )


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """Return the store of ``place``."""
    with opened_store(place.url, IntakeSettings.hermetic(**place.settings)) as opened:
        yield opened


def listed(store: Store) -> list[str]:
    """Return the names of what the store lists, in its order."""
    return [each.name for each in store.objects()]


def only(store: Store) -> StoredObject:
    """Return the one object of the store."""
    (found,) = store.objects()
    return found


def test_all_objects_are_listed_in_the_order_of_their_names(place: Place, store: Store) -> None:
    """Those below the URL, at any depth; what is imported already is left out, and only that."""
    names = ["a.xml", "a.xml.mark", "b/c.xml", "imported-not/d.xml", "imported0.xml", "z.xml", "é.xml"]
    for name in (*names, "imported/1/e.xml", "imported/f.xml"):
        place.put(name)
    assert listed(store) == names
    assert [each.size for each in store.objects()] == [4] * len(names)


def test_more_objects_than_an_answer_holds_are_listed(place: Place, store: Store) -> None:
    """S3 gives a thousand at a time."""
    names = [f"{number:04}.xml" for number in range(1001)]
    for name in names:
        place.put(name)
    assert listed(store) == names


def test_nothing_is_listed_of_an_empty_store(store: Store) -> None:
    """There is nothing."""
    assert listed(store) == []


def test_an_object_is_found_by_its_name(place: Place, store: Store) -> None:
    """As it is listed; nothing is found where there is none."""
    place.put("a b/ü.xml", b"content")
    assert store.find("a b/ü.xml") == only(store)
    assert store.find("a b/u.xml") is None


def test_an_object_is_read_up_to_the_limit(place: Place, store: Store) -> None:
    """One byte more is refused, with the setting that says so."""
    place.put("a.xml", b"x" * LIMIT)
    each = only(store)
    assert store.read(each, LIMIT) == b"x" * LIMIT
    with pytest.raises(ImportRejectedError) as refused:
        store.read(each, LIMIT - 1)
    assert str(refused.value) == (
        "The file has more than 999 bytes, and is not read (IBUTSU_INTAKE_MAX_OBJECT_BYTES). "
        "Split it, or raise the limit."
    )


def test_a_written_object_replaces_another(place: Place, store: Store) -> None:
    """And nothing else appears."""
    for content in (b"longer", b"new"):
        store.write("b/a.txt" if isinstance(place, BucketPlace) else "a.txt", content)
    assert len(place.names()) == 1
    assert store.find(place.names()[0]).size == 3  # type: ignore[union-attr]  # it is there


def test_a_moved_object_has_its_new_name_only(place: Place, store: Store) -> None:
    """The folders that it needs are made."""
    place.put("a/b.xml")
    store.move(only(store), "imported/1/a/b.xml")
    assert place.names() == ["imported/1/a/b.xml"]


def test_a_move_that_was_cut_off_is_made_again(place: Place, store: Store) -> None:
    """The copy that is there already is replaced."""
    place.put("a.xml", b"<new/>")
    place.put("imported/1/a.xml", b"<new/>")
    store.move(only(store), "imported/1/a.xml")
    assert place.names() == ["imported/1/a.xml"]


def test_a_removed_object_is_gone(place: Place, store: Store) -> None:
    """The others stay."""
    place.put("a.xml")
    place.put("b.xml")
    store.remove(next(iter(store.objects())))
    assert place.names() == ["b.xml"]


@pytest.mark.parametrize("action", ["read", "move"])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_an_object_that_changed_after_it_was_listed_is_left_alone(
    place: Place, store: Store, action: str, is_replaced: bool
) -> None:
    """The next listing has the new version."""
    place.put("a.xml")
    old = only(store)
    store.move(old, "b.xml")
    names = ["b.xml"]
    if is_replaced:
        place.put("a.xml", b"<b/>")
        names = ["a.xml", "b.xml"]
    with pytest.raises(ObjectGoneError):
        store.read(old, LIMIT) if action == "read" else store.move(old, "c.xml")
    assert place.names() == names


def test_a_new_version_has_a_version_of_its_own(place: Place, store: Store) -> None:
    """Though name and size are the same."""
    place.put("a.xml", b"<a/>")
    old = only(store)
    place.put("a.xml", b"<b/>")
    new = only(store)
    assert (old.name, old.size) == (new.name, new.size)
    assert old.version != new.version


def test_a_bucket_that_does_not_exist_is_named(bucket: Bucket) -> None:
    """With what to do."""
    url = StoreUrl.parse("s3://no-such-bucket")
    with (
        opened_store(url, IntakeSettings.hermetic(**bucket.settings)) as store,
        pytest.raises(StoreError) as refused,
    ):
        listed(store)
    assert str(refused.value) == "The bucket 'no-such-bucket' does not exist: create it, or correct the URL."


def test_a_server_that_is_away_is_an_outage(bucket: Bucket) -> None:
    """The message names the bucket."""
    away = {"endpoint_url": f"http://127.0.0.1:{free_port()}"}
    settings = IntakeSettings.hermetic(**{**bucket.settings, **away})
    url = StoreUrl.parse("s3://shop")
    with opened_store(url, settings) as store, pytest.raises(StoreOutageError) as refused:
        listed(store)
    assert str(refused.value) == "The bucket 'shop' does not answer (EndpointConnectionError)."
    assert is_outage(refused.value)


class FakeRefusal(BaseHTTPRequestHandler):
    """A server that answers every request with one error of S3."""

    status: int
    code: str

    def do_GET(self) -> None:
        """Answer with the error, and with a message that must not be shown."""
        body = f"<Error><Code>{self.code}</Code><Message>of {SECRET_KEY}</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """Run a server that refuses every request, and give its URL."""
    handler = type("Handler", (FakeRefusal,), {"status": status, "code": code})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


DENIED = (
    "set IBUTSU_INTAKE_ACCESS_KEY_ID and IBUTSU_INTAKE_SECRET_ACCESS_KEY, and allow these credentials to "
    "list the bucket, and to read, write and delete its objects."
)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", f"The bucket 'shop' denies access (AccessDenied): {DENIED}"),
        (401, "InvalidAccessKeyId", f"The bucket 'shop' denies access (InvalidAccessKeyId): {DENIED}"),
        (
            400,
            "AuthorizationHeaderMalformed",
            "The bucket 'shop' is in another region (AuthorizationHeaderMalformed): "
            "set IBUTSU_INTAKE_REGION.",
        ),
        (400, "InvalidRequest", "The bucket 'shop' refuses a request (InvalidRequest)."),
    ],
)
def test_a_refusal_is_reported_with_its_code_and_the_remedy(
    bucket: Bucket, status: int, code: str, message: str
) -> None:
    """And nothing else of the answer, which may repeat a secret."""
    with refusing(status, code) as endpoint:
        settings = IntakeSettings.hermetic(**{**bucket.settings, "endpoint_url": endpoint})
        url = StoreUrl.parse("s3://shop")
        with opened_store(url, settings) as store, pytest.raises(StoreError) as refused:
            listed(store)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (400, "RequestTimeout")]
)
def test_an_error_that_passes_is_an_outage(bucket: Bucket, status: int, code: str) -> None:
    """The server is asked again later."""
    with refusing(status, code) as endpoint:
        settings = IntakeSettings.hermetic(**{**bucket.settings, "endpoint_url": endpoint})
        url = StoreUrl.parse("s3://shop")
        with opened_store(url, settings) as store, pytest.raises(StoreOutageError) as refused:
            listed(store)
    assert str(refused.value) == f"The bucket 'shop' does not answer now ({code})."


def test_missing_credentials_are_reported(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the settings that give them."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    settings = IntakeSettings.hermetic(endpoint_url=s3_endpoint)
    url = StoreUrl.parse("s3://shop")
    with opened_store(url, settings) as store, pytest.raises(StoreError) as refused:
        listed(store)
    assert str(refused.value) == (
        "There are no credentials for the bucket 'shop': set IBUTSU_INTAKE_ACCESS_KEY_ID and "
        "IBUTSU_INTAKE_SECRET_ACCESS_KEY."
    )


def test_a_folder_that_is_away_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(StoreError) as refused:
        listed(FolderStore(tmp_path / "away"))
    assert str(refused.value) == (
        f"The folder {tmp_path}/away cannot be read (No such file or directory): create it, or mount it."
    )


@pytest.mark.parametrize(("seconds", "is_taken"), [(0, False), (-SETTLED_SECONDS - 1, True), (3600, True)])
def test_a_file_that_may_still_be_written_is_not_listed(
    tmp_path: Path, seconds: float, is_taken: bool
) -> None:
    """One that changed lately is left for later; one from the future is taken."""
    path = tmp_path / "a.xml"
    path.touch()
    os.utime(path, (time() + seconds,) * 2)
    assert listed(FolderStore(tmp_path)) == ["a.xml"] * is_taken


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    """Neither when the folder is listed nor when a file has become one."""
    place = FolderPlace(tmp_path / "in")
    place.put("a.xml")
    secret = tmp_path / "secret.xml"
    secret.write_text("<a/>")
    (tmp_path / "in" / "link.xml").symlink_to(secret)
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "in" / "pipe.xml")
    store = FolderStore(tmp_path / "in")
    each = only(store)
    assert each.name == "a.xml"
    (tmp_path / "in" / "a.xml").unlink()
    (tmp_path / "in" / "a.xml").symlink_to(secret)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        store.read(each, LIMIT)
    (tmp_path / "in" / "a.xml").unlink()
    os.mkfifo(tmp_path / "in" / "a.xml")
    with pytest.raises(ObjectGoneError):
        store.read(each, LIMIT)


def test_what_is_written_does_not_follow_a_link(tmp_path: Path) -> None:
    """Whoever may write into the folder cannot have other files overwritten."""
    other = tmp_path / "other"
    other.write_text("kept")
    (tmp_path / ".a.txt").symlink_to(other)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        FolderStore(tmp_path).write("a.txt", b"new")
    assert other.read_text() == "kept"
