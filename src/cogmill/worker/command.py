"""`cogmill outposts remote`: one session of an outpost on this machine."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from cogmill.cli.output import FAILED, JsonFlag, fail

if TYPE_CHECKING:
    from cogmill.sandbox.protocol import SandboxDriver


def remote(
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run the session WITHOUT isolation.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Serve the session that the environment names (DEVIN_OUTPOST_*), until it ends or sleeps; `work` calls it.

    Exit codes: 0 the session ended or sleeps; 1 it cannot be served; 3 the connection was lost,
    or the session was given back meanwhile.
    """
    from cogmill.worker.remote import CannotServe, Given, run

    try:
        given = Given.read(os.environ)
        os.environ.pop("DEVIN_OUTPOST_CONNECT_TOKEN", None)
        driver = _driver(unsafe_no_sandbox)
        probe = driver.probe()
        if not probe.usable:
            raise CannotServe(
                f"Sessions cannot be isolated on this machine: {probe.detail} On a throw-away machine you may add "
                "--unsafe-no-sandbox."
            )
        code = asyncio.run(run(given, driver))
    except CannotServe as problem:
        raise fail(str(problem), FAILED, json_=json_) from None
    raise typer.Exit(code)


def _driver(unsafe: bool) -> "SandboxDriver":
    if unsafe:
        from cogmill.sandbox.unsafe import UnsafeDriver

        return UnsafeDriver()
    from cogmill.sandbox.bubblewrap import BubblewrapDriver

    return BubblewrapDriver()
