"""Runs one program and reports what it used: exit code, CPU seconds, wall seconds, peak bytes.

A program of its own, small and without Froude: a system counts the memory of who starts a process as a peak of that
process, and hides what is below it. It leads a group of processes, which it ends when whoever asked is gone.
"""

import _thread
import os
import signal
import sys
import time

GRACE_S = 1.0
"""Seconds that a program has to clean up after SIGTERM, before SIGKILL."""


def launch(words: list[str], asker: int) -> None:
    """Run a program with its arguments, wait for it, report what it and all its children used, and end what is left.

    The asker is the descriptor of a socket, whose other end is with who wants to know. Others that this process has
    inherited the program inherits too.
    """
    os.set_inheritable(asker, False)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which this process sends to its own group
    begin = time.perf_counter()
    # Python ignores SIGPIPE and SIGXFSZ, and what it starts would too.
    child = os.posix_spawnp(words[0], words, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ])
    _thread.start_new_thread(end_with, (asker,))
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - begin
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    usage = f"{os.waitstatus_to_exitcode(status)} {used.ru_utime + used.ru_stime} {wall} {peak}"
    try:
        os.write(asker, usage.encode())
    except BrokenPipeError:
        signal.pause()  # until the group is ended
    os.killpg(0, signal.SIGKILL)  # what the program left behind, and this process


def end_with(asker: int) -> None:
    """Wait until the asker is gone, who says nothing, and end this group of processes."""
    os.read(asker, 1)
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    launch(sys.argv[2:], int(sys.argv[1]))
