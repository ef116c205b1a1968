import ctypes
import platform
import threading

import pytest
import torch

from tla import memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")


class Recording:
    """A C library that writes down what it is asked."""

    def __init__(self):
        self.asked = []

    def mallopt(self, name, value):
        self.asked.append((name, value))
        return 1

    def malloc_trim(self, pad):
        self.asked.append("trim")
        return 1


@pytest.fixture
def library(monkeypatch):
    found = Recording()
    monkeypatch.setattr(memory, "_glibc", lambda: found)
    return found


def test_only_the_outermost_sets_and_gives_back(library):
    with memory.kept():
        assert library.asked == list(memory.KEEPING)
        with memory.kept():
            pass
        assert library.asked == list(memory.KEEPING)
    assert library.asked == [*memory.KEEPING, *memory.USUAL, "trim"]


def test_an_error_leaves_the_usual_state(library):
    with pytest.raises(KeyError), memory.kept():
        raise KeyError
    assert library.asked[-1] == "trim"
    assert memory._depth == 0


def test_threads_that_overlap_keep_until_the_last_one_ends(library):
    inside, leave = threading.Event(), threading.Event()

    def other():
        with memory.kept():
            inside.set()
            leave.wait(10)

    with memory.kept():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
    assert "trim" not in library.asked
    leave.set()
    thread.join()
    assert library.asked.count("trim") == 1


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
def test_large_blocks_are_used_again():
    import resource

    def faults_of_rounds():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.ones(2**25)  # 128 MiB, 32,768 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with memory.kept():
        faults_of_rounds()
        again = faults_of_rounds()
    fresh = faults_of_rounds()
    assert again < fresh / 5
