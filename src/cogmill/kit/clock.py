"""The one place that reads the clock, so that tests can turn it."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Answers unix seconds with fractions."""

system_clock: Clock = time.time
