"""What goes in and out of the IP access list; names and meanings are the contract's."""

from typing import Annotated

from pydantic import Field, StringConstraints

from cogmill.web.params import Body, Out

MOST_RANGES = 1000
Range = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]


class IpRangesIn(Body):
    ip_ranges: Annotated[list[Range], Field(max_length=MOST_RANGES)] = Field(
        description="addresses and ranges, IPv4 or IPv6: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32"
    )


class IpRangesOut(Out):
    ip_ranges: list[str] = Field(description="normalised, in the order given; empty: callers may come from anywhere")
