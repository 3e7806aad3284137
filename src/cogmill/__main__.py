"""The `cogmill` command."""


def main() -> None:
    """Run the command line; only the commands that need the server load it."""
    from cogmill import main as commands

    commands.app()


if __name__ == "__main__":
    main()
