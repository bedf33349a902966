"""Linear algebra on one thread, whichever threads ask for it, and as before after the last."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from threadpoolctl import ThreadpoolController

from shrinkage.paths.engines.threads import _set, one_blas_thread

BLAS = ThreadpoolController().select(user_api="blas").lib_controllers


def threads() -> list[int | None]:
    return [library.num_threads for library in BLAS]


@pytest.fixture(autouse=True)
def two_threads():
    before = threads()
    for library in BLAS:
        _set(library, 2)
    yield
    for library, own in zip(BLAS, before, strict=True):
        _set(library, own)


def test_a_thread_limits_also_while_one_that_did_before_is_alive():
    seen, done = [], Event()

    def first() -> None:
        with one_blas_thread:
            seen.append(threads())
        seen.append(threads())
        done.wait(10)

    waiting = Thread(target=first)
    waiting.start()
    while len(seen) < 2:
        pass
    with one_blas_thread:
        seen.append(threads())
    seen.append(threads())
    done.set()
    waiting.join()
    ones, twos = [1] * len(BLAS), [2] * len(BLAS)
    assert seen == [ones, twos, ones, twos]


def test_the_last_who_leaves_sets_it_back():
    entered, left = Event(), Event()

    def first() -> None:
        with one_blas_thread:
            entered.set()
            left.wait(10)

    other = Thread(target=first)
    other.start()
    entered.wait(10)
    with one_blas_thread:
        left.set()
        other.join()
        assert threads() == [1] * len(BLAS)
    assert threads() == [2] * len(BLAS)
