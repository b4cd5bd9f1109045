"""Check a configuration before the process that will have it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from ibutsu_server.cli.prose import print_wrapped
from ibutsu_server.constants import LARGEST_SETTINGS_FILE
from ibutsu_server.settings import rendering
from ibutsu_server.settings.checks import Report, check_environment, check_process
from ibutsu_server.settings.server import ServerSettings
from ibutsu_server.settings.tree import roles_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ibutsu_server.exceptions import Fault
    from ibutsu_server.settings.manifest.environment import Environment

ROLES: Final = roles_of(ServerSettings)
_FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)


@click.command()
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="Role to check. Default: worker; with --manifest the role of each container.",
)
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    type=_FILE,
    help="Check the variables of an .env file. Of several files the later wins.",
)
@click.option(
    "--manifest",
    "manifests",
    multiple=True,
    type=_FILE,
    help="Check the containers of a compose file or of Kubernetes objects.",
)
@click.option("--strict", is_flag=True, help="Treat warnings, such as a misspelt name, as errors.")
@click.option("--import", "do_import", is_flag=True, help="Import the task modules, not only look for them.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations.",
)
@click.argument("files", nargs=-1, type=_FILE)
@click.pass_context
def check(
    context: click.Context,
    role: str | None,
    env_files: tuple[str, ...],
    manifests: tuple[str, ...],
    strict: bool,
    do_import: bool,
    format_: str,
    files: tuple[str, ...],
) -> None:
    """Check a configuration: that of this environment, or the one that files will give a process elsewhere.

    FILES are more files of the kind that the option names, so that a pattern works: --manifest deploy/*.yaml.
    A dash is the standard input. The files may refer to each other. What a manifest takes from a place that
    is not given, such as a Secret, is noted and counts as valid.

    The role of a container is that of the entry point in its command, such as ibutsu_server:worker_app, else
    the one its name contains.

    \b
    Exit codes:
      0  valid
      1  not valid; every fault is printed
      2  wrong usage
    """
    if files:
        if bool(env_files) == bool(manifests):
            raise click.UsageError("Name the kind of FILES with --env-file or with --manifest.")
        env_files, manifests = (env_files and env_files + files, manifests and manifests + files)
    if do_import and (env_files or manifests):
        raise click.UsageError("--import looks at this machine, and not at the one that files are for.")
    if env_files or manifests:
        file_faults, reports = _check_files(role, env_files, manifests)
    else:
        file_faults, reports = (), [_check_this_process(role or "worker", do_import=do_import)]
    reports = [report.strict() for report in reports] if strict else reports
    _PRINTERS[format_](file_faults, reports)
    context.exit(1 if file_faults or any(report.faults for report in reports) else 0)


def _check_this_process(role: str, *, do_import: bool) -> Report:
    if not do_import:
        return check_process(role)
    from ibutsu_server.celery_utils import import_task_modules  # Celery is imported only when it is needed

    return check_process(role, import_task_modules)


def _check_files(
    role: str | None, env_files: Iterable[str], manifests: Iterable[str]
) -> tuple[tuple[Fault, ...], list[Report]]:
    """Return what is wrong with the files themselves, and a report on each environment in them."""
    faults: tuple[Fault, ...] = ()
    reports = []
    if env_files:
        from ibutsu_server.settings.manifest.environment import environment_of_files

        environment = environment_of_files(_contents(env_files))
        reports.append(check_environment(environment, role or "worker"))
    if manifests:
        from ibutsu_server.settings.manifest.files import read_manifests

        read = read_manifests(_contents(manifests))
        faults = read.faults
        if read.stored is not None:
            reports.append(check_environment(read.stored, role or "worker"))
        elif read.containers or not faults:
            chosen = _chosen(role, read.containers)
            reports += [check_environment(each, each_role) for each, each_role in chosen]
    return faults, reports


def _contents(files: Iterable[str]) -> dict[str, bytes]:
    contents = {}
    for file in files:
        with click.open_file(file, "rb") as stream:
            contents["<stdin>" if file == "-" else file] = stream.read(LARGEST_SETTINGS_FILE + 1)
    return contents


def _chosen(role: str | None, containers: Sequence[Environment]) -> list[tuple[Environment, str]]:
    """Return the containers to check, each with its role.

    Raises:
        click.UsageError: there are none.
    """
    chosen = [(each, each.role) for each in containers if each.role and role in (None, each.role)]
    if chosen:
        return chosen
    if not containers:
        raise click.UsageError("The files have no container, no ConfigMap and no Secret.")
    found = "; ".join(f"{each.name} ({each.role or 'no role'})" for each in containers)
    message = (
        f"No container has {f'the role {role}' if role else 'a role'}. Name the entry point in its command, "
        f"such as ibutsu_server:{role or 'worker'}_app, or the role in its name. Found: {found}."
    )
    raise click.UsageError(message)


def _print_text(faults: Sequence[Fault], reports: Sequence[Report]) -> None:
    for fault in faults:
        print_wrapped(str(fault))
    for report in reports:
        if report.file is None:
            _print_process(report)
        else:
            _print_environment(report)


def _print_process(report: Report) -> None:
    for warning in report.warnings:
        print_wrapped(f"warning: {warning}", err=True)
    for fault in report.faults:
        print_wrapped(str(fault))
    if not report.faults:
        print_wrapped(_verdict(report))


def _print_environment(report: Report) -> None:
    print_wrapped(_verdict(report))
    for fault in report.faults:
        print_wrapped(str(fault), "  ")
    for label, noticed in (("warning", report.warnings), ("note", report.notes)):
        for each in noticed:
            print_wrapped(f"{label}: {each}", "  ")


def _verdict(report: Report) -> str:
    count = len(report.faults)
    fact = f"has {count} fault{'s' * (count > 1)}:" if count else "is valid."
    return f"The configuration of {report.subject} {fact}"


def _print_json(faults: Sequence[Fault], reports: Sequence[Report]) -> None:
    click.echo(rendering.as_json(*_collected(faults, reports), reports))


def _print_github(faults: Sequence[Fault], reports: Sequence[Report]) -> None:
    for report in reports:
        if not report.faults:
            click.echo(_verdict(report))
    for found, level in zip(_collected(faults, reports), ("error", "warning", "notice"), strict=True):
        if found:
            click.echo(rendering.as_github(found, level))


def _collected(
    faults: Sequence[Fault], reports: Sequence[Report]
) -> tuple[Iterable[Fault], Iterable[Fault], Iterable[Fault]]:
    """Return all faults, warnings and notes, each once: containers may share what they are made of."""
    return (
        dict.fromkeys((*faults, *(fault for report in reports for fault in report.faults))),
        dict.fromkeys(warning for report in reports for warning in report.warnings),
        dict.fromkeys(note for report in reports for note in report.notes),
    )


_PRINTERS: Final = {"text": _print_text, "json": _print_json, "github": _print_github}
