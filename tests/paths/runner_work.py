"""Work whose worker dies, for the tests of runners: it is imported where a unit trains."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from shrinkage.errors import InputError
from shrinkage.paths.running.runners.base import Work


@dataclass(frozen=True)
class Mortal(Work):
    """Kills its process in the first trainings of some units, and never that of the test.

    Args:
        deaths: how the name of a unit begins, and how often a worker dies with it.
        folder: where it leaves a file for each death.
        driver: the process that does not die.
    """

    deaths: tuple[tuple[str, int], ...] = ()
    folder: str = ""
    driver: int = 0

    def __call__(self, unit, advance):
        """Train a unit, or die."""
        for start, times in self.deaths:
            died = len(list(Path(self.folder).glob(f"{start}*")))
            if unit.name.startswith(start) and died < times and os.getpid() != self.driver:
                advance(1)
                (Path(self.folder) / f"{start}-{died}").touch()
                time.sleep(0.3)
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(unit, advance)


@dataclass(frozen=True)
class Refusing(Work):
    """Finds something wrong in a unit."""

    def __call__(self, unit, advance):
        """Raise, after a step."""
        advance(1)
        raise InputError(f"expected another unit, got {unit.name}")


@dataclass(frozen=True)
class Slow(Work):
    """Rests before each unit."""

    seconds: float = 1.0

    def __call__(self, unit, advance):
        """Train a unit, later."""
        time.sleep(self.seconds)
        return super().__call__(unit, advance)
