"""How a verb ends: whatever a user can cause becomes one sentence and an exit status."""

import contextlib
import os
import signal
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

BAD_INPUT, FAULT, INTERRUPTED, CLOSED, TERMINATED = 1, 70, 130, 141, 143
"""Exit statuses: bad input, or no memory, disk or permission; a fault of tla; signals as a shell counts them."""

ENDS_WITH = "TLA_ENDS_WITH"
"""The variable with the id of a process that has started this one, and without which it ends."""

TRACEBACKS = "TLA_TRACEBACK"
"""The variable that shows the whole traceback of any error."""


TRAINING = ("DivergedError", "CollapsedError")
"""What ends a training, by name: their module needs torch."""


class _Terminated(KeyboardInterrupt):
    """SIGTERM: handled by everything that handles Ctrl-C."""


def ended(verb: str, run: Callable[[], int]) -> int:
    """Run a verb and return its exit status; an error is printed as a sentence.

    Args:
        verb: Its name, for messages; empty for none.
        run: The verb.
    """
    try:
        with _terminable():
            status = run()
            sys.stdout.flush()
        return status
    except SystemExit as end:  # --help, or bad usage
        return end.code if isinstance(end.code, int) else 2
    except _Terminated:
        return _say(verb, "ended; finished work is kept: run the same command again to resume", TERMINATED)
    except KeyboardInterrupt:
        return _say(verb, "interrupted; finished work is kept: run the same command again to resume", INTERRUPTED)
    except BrokenPipeError:
        _silence()
        return CLOSED
    except Exception as error:
        if os.environ.get(TRACEBACKS):
            traceback.print_exc()
        sentence = _sentence(error)
        if sentence is not None:
            return _say(verb, sentence, BAD_INPUT)
        return _say(verb, *_unexpected(error))


def _unexpected(error: Exception) -> tuple[str, int]:
    """What to say of an error that nobody foresaw, and the exit status: in a file of the user's, or in this program."""
    frames = traceback.extract_tb(error.__traceback__)
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    own = next((frame for frame in reversed(frames) if not _is_installed(frame.filename)), None)
    if own is not None:
        return f"{own.filename}, line {own.lineno}, in {own.name}: {text}", BAD_INPUT
    last = frames[-1]
    return (
        f"a fault in tla ({text}, in {last.name}, {Path(last.filename).name}:{last.lineno}); finished work is kept. "
        f"Please report it, with what {TRACEBACKS}=1 prints"
    ), FAULT


def _is_installed(file: str) -> bool:
    """True for files of this program, of Python and of installed packages."""
    roots = (*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))
    return file.startswith(("<frozen", "<string>", *roots))


def _sentence(error: Exception) -> str | None:
    """What to tell the user; None for a fault of the program."""
    if isinstance(error, ValueError | OSError | ModuleNotFoundError) or type(error).__name__ in TRAINING:
        return str(error)
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return (
            "out of memory; lower the batch (--train.batch and --attack.batch of a study, --batch of tla attack), "
            "or use a smaller network or smaller images. Finished work is kept"
        )
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    return None


def _is_out_of_memory(error: Exception) -> bool:
    """True for what torch raises on a GPU (a subclass of RuntimeError) and on the CPU."""
    text = str(error)
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and ("not enough memory" in text or "out of memory" in text)
    )


def _say(verb: str, sentence: str, status: int) -> int:
    with contextlib.suppress(OSError, ValueError):  # stderr is closed
        print(f"{f'tla {verb}'.strip()}: {sentence}", file=sys.stderr)
    return status


def _silence() -> None:
    """The reader of the output has gone: nothing more is written, also not at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Inside, SIGTERM is answered as Ctrl-C is: files are whole, and what this process started is ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    parent = os.environ.get(ENDS_WITH, "")
    if parent.isdigit():
        threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end_with(parent: int) -> None:
    """Wait until the process that started this one has gone, then end as on SIGTERM."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def any_locale() -> None:
    """Print what the terminal's encoding lacks as a replacement character instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # replaced by something without it
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
