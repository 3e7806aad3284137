"""Commands that speak to a server through the client; `app` is in `cogmill.cli.app`."""
