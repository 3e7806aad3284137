"""The root of the command line, with no command yet: what starts a server loads no more than it needs."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cogmill.cli.output import print_json_error


class Group(TyperGroup):
    """The command line; with --json it tells mistakes in the call itself as JSON, too."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None,
        standalone_mode: bool = True, windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        given = sys.argv[1:] if args is None else list(args)
        if not standalone_mode or "--json" not in given:
            return super().main(given, prog_name, complete_var, standalone_mode, windows_expand_args, **extra)
        try:
            code = super().main(given, prog_name, complete_var, False, windows_expand_args, **extra)
        except Exception as error:
            said = getattr(error, "format_message", None)
            if said is None:
                raise
            print_json_error(said(), getattr(error, "exit_code", 2))
            sys.exit(getattr(error, "exit_code", 2))
        sys.exit(code if isinstance(code, int) else 0)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from cogmill import __version__

        typer.echo(f"cogmill {__version__}")
        raise typer.Exit


def command_line() -> typer.Typer:
    """The `cogmill` command, to which commands are to be added."""
    app = typer.Typer(
        name="cogmill",
        cls=Group,
        help="Run coding-agent sessions on your own machines.",
        epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the server, 4 not authenticated.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(root)
    return app


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Run coding-agent sessions on your own machines.

    The server is named by COGMILL_URL (default http://127.0.0.1:8400), the caller by COGMILL_API_KEY,
    the organization by COGMILL_ORG_ID when the key does not tell. DEVIN_BASE_URL, DEVIN_API_KEY and
    DEVIN_ORG_ID are read where those are not set.
    """
