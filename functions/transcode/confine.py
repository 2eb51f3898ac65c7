"""Put limits on this process, then become another program. Run with `python -I -S`.

Standing alone it needs no `preexec_fn`, which is unsafe in a process with threads.
Arguments: address space in bytes, CPU in seconds, file size in bytes, parent's pid, program …
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main(arguments: list[str]) -> None:
    """Limit, tie the life to the parent's, and execute the program."""
    address_space, cpu_s, file_size, parent = (int(text) for text in arguments[:4])
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before the tie was made
        sys.exit(signal.SIGKILL)
    for limit, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
    ):
        # The hard limit too, so that nothing raises it again.
        resource.setrlimit(limit, (value, value))
    # Python ignores these, and what is ignored stays so in the next program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execv(arguments[4], arguments[4:])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
