"""What comes of damage and wrong arguments, counted: `python -m tests.hostile.report 200 0.2`.

Of each kind of files so many are damaged; of the walk, that share is made.
"""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile import bounded, walk
from tests.hostile.files import TARGETS, make_originals


def main(count: str, share: str) -> None:
    """Prints a row for each kind of files, command and module, then what went wrong first."""
    with TemporaryDirectory() as name:
        originals, place = Path(name, "originals"), Path(name, "place")
        originals.mkdir()
        make_originals(originals)
        walk.make_place(place)
        wrong = []
        rows = [("files:cases", target, [target, originals, "0", count]) for target in TARGETS]
        rows += [("walk:commands", one, [place, one, share, "0"]) for one in walk.COMMANDS]
        rows += [("walk:functions", one, [place, one, share, "0"]) for one in walk.FUNCTIONS]
        for number, (cases, title, arguments) in enumerate(rows):
            folder = Path(name, str(number))
            folder.mkdir()
            found = bounded.run(f"tests.hostile.{cases}", list(map(str, arguments)), folder)
            counts = Counter(row.kind for row in found)
            print(f"{title:22}", *(f"{kind} {n}" for kind, n in counts.most_common()), sep="  ")
            firsts = {row.kind: row for row in reversed(found)}
            wrong += [row for kind, row in firsts.items() if kind not in ("done", "refused")]
        walk.clean(place)
    for row in wrong:
        print(f"{row.name}: {row.kind}: {row.message[:200]!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
