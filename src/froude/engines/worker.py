"""A worker process: takes tasks as JSON lines on standard input, reports as JSON lines on standard output.

It ends at once when standard input ends, which happens when its parent dies, however it dies.
"""

import json
import os
import queue
import sys
import threading
from typing import TextIO

from froude.engines.events import Ready
from froude.engines.performing import perform, reporter


def main() -> None:
    """Performs tasks until standard input ends."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not reach the protocol
    sys.path += [place for place in json.loads(sys.argv[1]) if place not in sys.path]
    tasks: queue.Queue[str] = queue.Queue()
    threading.Thread(target=listen, args=(sys.stdin, tasks), daemon=True).start()
    report = reporter(lambda line: out.write(line + "\n"))
    try:
        report(Ready())
        while True:
            perform(tasks.get(), report)
    except BrokenPipeError:  # the parent is gone: nobody is left to be told
        os._exit(0)


def listen(lines: TextIO, tasks: "queue.Queue[str]") -> None:
    """Queues each line; leaves the process when there are no more."""
    for line in lines:
        tasks.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
