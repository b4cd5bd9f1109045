"""Show what the settings of the intake accept, report and hide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ibutsu_server.exceptions import ConfigurationError
from ibutsu_server.settings import IntakeSettings, ServerSettings, Sources
from ibutsu_server.settings.intake import StoreUrl
from ibutsu_server.settings.origins import Found, Origin
from ibutsu_server.settings.spelling import misspelt_names

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_environment(**variables: str) -> IntakeSettings:
    """Return the settings of an environment."""
    return IntakeSettings.from_sources(Sources(environ=variables))


def test_by_default_nothing_is_swept() -> None:
    """There is no entry in the plan."""
    settings = IntakeSettings.hermetic()
    assert settings.store_url is None
    assert settings.beat_entries() == {}


@pytest.mark.parametrize("interval", [300, 0.5])
def test_with_a_url_there_is_an_entry_that_sweeps(interval: float) -> None:
    """A sweep that waits until the next one is due is dropped, so that they do not pile up."""
    settings = IntakeSettings.hermetic(url="s3://bucket", interval=interval)
    assert settings.beat_entries() == {
        "sweep-intake": {
            "task": "ibutsu_server.tasks.intake.sweep_intake",
            "schedule": interval,
            "options": {"expires": interval},
        }
    }


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://runs", "runs", ""),
        (" s3://runs/ ", "runs", ""),
        ("s3://runs/a b/%41?#/", "runs", "a b/%41?#/"),
        ("s3://my.runs_1//a//", "my.runs_1", "a/"),
    ],
)
def test_a_url_of_s3_has_a_bucket_and_a_prefix(url: str, bucket: str, prefix: str) -> None:
    """The prefix is literal, and ends with a slash where there is one."""
    parsed = StoreUrl.parse(url)
    assert (parsed.bucket, parsed.prefix, parsed.folder) == (bucket, prefix, None)


@pytest.mark.parametrize(
    ("url", "folder"), [("file:///srv/in", "/srv/in"), ("file:///srv/my%20runs/", "/srv/my runs")]
)
def test_a_url_of_a_folder_has_a_path(url: str, folder: str) -> None:
    """Its escapes are read."""
    assert StoreUrl.parse(url).folder == Path(folder)


@pytest.mark.parametrize(
    ("variables", "url", "region"),
    [
        ({"IBUTSU_INTAKE_URL": "s3://", "AWS_BUCKET": "runs"}, "s3://runs", None),
        ({"IBUTSU_INTAKE_URL": "s3:///a", "AWS_BUCKET": "runs", "AWS_REGION": "eu"}, "s3://runs/a", "eu"),
        ({"IBUTSU_INTAKE_URL": "s3://own", "AWS_BUCKET": "runs"}, "s3://own", None),
        ({"IBUTSU_INTAKE_REGION": "us", "AWS_REGION": "eu", "AWS_BUCKET": "runs"}, None, "us"),
    ],
)
def test_the_variables_of_pytest_ibutsu_are_read(
    variables: Mapping[str, str], url: str | None, region: str | None
) -> None:
    """Where ours leave it to them; by themselves they switch nothing on."""
    settings = from_environment(**variables)
    assert settings.store_url == url
    assert settings.region_name == region


@pytest.mark.parametrize("name", ["AWS_S3_BUCKET", "AWS_REGIONS"])
def test_other_variables_of_amazon_are_not_taken_for_misspelt_ones(name: str) -> None:
    """They belong to Amazon's own tools."""
    assert list(misspelt_names(ServerSettings, Sources(environ={name: "x"}))) == []


NO_URL = "must be s3://bucket/prefix or file:///absolute/path"
NO_ENDPOINT = "must be the URL of a server without credentials, for example https://minio.example.com:9000"


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({"IBUTSU_INTAKE_URL": "runs"}, [f"IBUTSU_INTAKE_URL {NO_URL}"]),
        ({"IBUTSU_INTAKE_URL": "file://in"}, [f"IBUTSU_INTAKE_URL {NO_URL}"]),
        ({"IBUTSU_INTAKE_URL": "file:///"}, [f"IBUTSU_INTAKE_URL {NO_URL}"]),
        ({"IBUTSU_INTAKE_URL": "file:///a%00b"}, [f"IBUTSU_INTAKE_URL {NO_URL}"]),
        (
            {"IBUTSU_INTAKE_URL": "file:///what?"},
            [f"IBUTSU_INTAKE_URL {NO_URL}; write a '?' as %3F and a '#' as %23"],
        ),
        (
            {"IBUTSU_INTAKE_URL": "s3://key:hunter2@runs"},
            [f"IBUTSU_INTAKE_URL {NO_URL}; what stands for the bucket is not the name of one"],
        ),
        (
            {"IBUTSU_INTAKE_URL": "s3://"},
            ["IBUTSU_INTAKE_URL names no bucket; write s3://bucket, or set AWS_BUCKET"],
        ),
        (
            {"IBUTSU_INTAKE_URL": "s3://", "AWS_BUCKET": "no/bucket"},
            ["AWS_BUCKET is not the name of a bucket; correct it"],
        ),
        ({"IBUTSU_INTAKE_ENDPOINT_URL": "minio:9000"}, [f"IBUTSU_INTAKE_ENDPOINT_URL {NO_ENDPOINT}"]),
        (
            {"IBUTSU_INTAKE_ENDPOINT_URL": "https://a:hunter2@b"},
            [f"IBUTSU_INTAKE_ENDPOINT_URL {NO_ENDPOINT}"],
        ),
        (
            {"IBUTSU_INTAKE_ACCESS_KEY_ID": "hunter2"},
            [
                "IBUTSU_INTAKE_ACCESS_KEY_ID is of no use alone; "
                "set IBUTSU_INTAKE_SECRET_ACCESS_KEY too, or neither"
            ],
        ),
        (
            {"IBUTSU_INTAKE_SECRET_ACCESS_KEY": "hunter2"},
            [
                "IBUTSU_INTAKE_SECRET_ACCESS_KEY is of no use alone; "
                "set IBUTSU_INTAKE_ACCESS_KEY_ID too, or neither"
            ],
        ),
        ({"IBUTSU_INTAKE_AFTER": "burn"}, ["IBUTSU_INTAKE_AFTER must be one of move, delete, keep"]),
        (
            {"IBUTSU_INTAKE_MAX_OBJECT_BYTES": "1000000001"},
            ["IBUTSU_INTAKE_MAX_OBJECT_BYTES must be a whole number, at least 1, at most 1,000,000,000"],
        ),
    ],
)
def test_faults_are_reported_with_their_remedy(variables: Mapping[str, str], faults: list[str]) -> None:
    """And without what may be a secret."""
    with pytest.raises(ConfigurationError) as refused:
        from_environment(**variables)
    assert [str(fault) for fault in refused.value.faults] == faults
    assert "hunter2" not in str(refused.value)


def test_a_folder_must_exist_where_the_configuration_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A configuration that is meant for another machine is not judged by the folders of this one."""
    away = tmp_path / "away"
    name = "IBUTSU_INTAKE_URL"
    elsewhere = Sources(deployed={name: Found(away.as_uri(), Origin("environment variable", name))})
    assert IntakeSettings.from_sources(elsewhere).store_url == away.as_uri()
    monkeypatch.setenv("IBUTSU_INTAKE_URL", away.as_uri())
    with pytest.raises(ConfigurationError) as refused:
        IntakeSettings()
    assert str(refused.value) == (
        f"IBUTSU_INTAKE_URL names a folder that does not exist: {away}; create it, or mount it"
    )
    away.mkdir()
    assert IntakeSettings().store_url == away.as_uri()


def test_a_folder_must_be_readable_and_writable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The files are moved, or reasons are written beside them."""
    monkeypatch.setenv("IBUTSU_INTAKE_URL", tmp_path.as_uri())
    monkeypatch.setattr("os.access", lambda *_: False)  # root may do everything
    with pytest.raises(ConfigurationError) as refused:
        IntakeSettings()
    assert str(refused.value) == (
        f"IBUTSU_INTAKE_URL names a folder that cannot be read and written: {tmp_path}; "
        "correct its permissions"
    )


def test_the_keys_are_read_from_files_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither by the object nor by what prints it."""
    (tmp_path / "key").write_text("hunter2\n")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"IBUTSU_INTAKE_{name}_FILE", str(tmp_path / "key"))
    settings: Any = IntakeSettings()
    assert settings.access_key_id.get_secret_value() == "hunter2"
    assert settings.secret_access_key.get_secret_value() == "hunter2"
    for shown in (repr(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in shown
