"""CPU work for the laboratory. Light on purpose: worker processes import this module, not an app."""

import signal


def spin(rounds: int) -> int:
    """Keep one core busy in pure Python, holding the interpreter's lock; same rounds, same result."""
    value = 1
    for _ in range(rounds):
        value = (value * 1_103_515_245 + 12_345) % 2_147_483_648
    return value


def ignore_interrupts() -> None:
    """Ctrl-C goes to the whole process group: let the server end its worker processes, in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
