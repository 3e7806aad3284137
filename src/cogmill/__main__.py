"""The `cogmill` command."""

import sys


def main() -> None:
    """Run the command line; a command loads what it needs, and a server none of the other commands."""
    if sys.argv[1:2] == ["serve"]:
        from cogmill.cli.root import command_line
        from cogmill.starting import serve

        app = command_line()
        app.command()(serve)
    else:
        from cogmill.main import app
    app()


if __name__ == "__main__":
    main()
