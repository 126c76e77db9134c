"""Signs of life: which process has given none for too long. Standard library only."""

from time import monotonic

SILENCE = 30.0  # seconds without one after which a process counts as dead
AGAIN = "give all the same commands again, without --overwrite, to go on from the last checkpoint"


class Heartbeats:
    """Which process has given no sign of life for too long."""

    def __init__(self, count: int):
        self.seen = dict.fromkeys(range(count), ("", monotonic()))

    def silent(self, signs: dict[str, str]) -> int | None:
        """The first silent process.

        Args:
            signs: The last sign of each process, by `alive/NUMBER`.
        """
        for number, (sign, since) in self.seen.items():
            new = signs.get(f"alive/{number}", "")
            if new != sign:
                self.seen[number] = new, monotonic()
            elif monotonic() - since > SILENCE:
                return number
        return None


def no_sign(number: int) -> str:
    """What to say of a silent process."""
    return f"process {number} has given no sign of life for {SILENCE:.0f} s; {AGAIN}."
