import ctypes
import gc
import platform
import threading
import weakref

import pytest
import torch

from tla import memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")


class Recording:
    """A C library that records its calls."""

    def __init__(self):
        self.calls = []

    def mallopt(self, name, value):
        self.calls.append((name, value))
        return 1

    def malloc_trim(self, pad):
        self.calls.append("trim")
        return 1


@pytest.fixture
def library(monkeypatch):
    fake = Recording()
    monkeypatch.setattr(memory, "_glibc", lambda: fake)
    return fake


def test_only_the_outermost_sets_and_returns(library):
    with memory.kept():
        assert library.calls == list(memory.KEEPING)
        with memory.kept():
            pass
        assert library.calls == list(memory.KEEPING)
    assert library.calls == [*memory.KEEPING, *memory.USUAL, "trim"]


def test_an_error_leaves_the_usual_state(library):
    with pytest.raises(KeyError), memory.kept():
        raise KeyError
    assert library.calls[-1] == "trim"
    assert memory._depth == 0


def test_overlapping_threads_keep_memory_until_the_last_ends(library):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with memory.kept():
            inside.set()
            leave.wait(10)

    with memory.kept():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
    assert "trim" not in library.calls
    leave.set()
    thread.join()
    assert library.calls.count("trim") == 1


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with memory.kept():
        memory.give_back()


@glibc
def test_the_library_takes_every_option():
    found = memory._glibc()
    assert isinstance(found, ctypes.CDLL)
    assert all(found.mallopt(name, value) == 1 for name, value in (*memory.KEEPING, *memory.USUAL))


@glibc
def test_large_blocks_are_reused():
    import resource

    def faults_of_rounds():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(2**25)  # 128 MiB, 32,768 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with memory.kept():
        again = min(faults_of_rounds() for _ in range(6))  # the heap grows in the first, and the system may reclaim
    fresh = max(faults_of_rounds() for _ in range(3))
    assert again < fresh / 5


class Cycle:
    """Garbage that only the collector finds."""

    def __init__(self):
        self.me = self


@pytest.fixture
def nothing_frozen():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_garbage_of_each_step_is_found_and_nothing_stays_frozen(nothing_frozen):
    with memory.only_new_garbage():
        for _ in range(2):
            found = weakref.ref(Cycle())
            memory.give_back()
            assert found() is None
            assert gc.get_freeze_count() > 1000
        with memory.only_new_garbage():
            pass
        assert gc.get_freeze_count() > 1000
        kept = Cycle()
        memory.give_back()
        found = weakref.ref(kept)
        del kept
    assert gc.get_freeze_count() == 0
    memory.give_back()
    assert found() is None


def test_what_somebody_else_froze_stays_frozen(nothing_frozen):
    gc.freeze()
    before = gc.get_freeze_count()
    with memory.only_new_garbage():
        memory.give_back()
        assert gc.get_freeze_count() == pytest.approx(before, abs=100)
