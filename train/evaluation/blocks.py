"""What a page is built of. The template of a block has its name: `templates/NAME.html.j2`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup


class Block:
    """A part of a section."""

    @property
    def kind(self) -> str:
        """The name of its template, and of its style."""
        return type(self).__name__.lower()

    @property
    def template(self) -> str:
        """The file that shows it."""
        return f"{self.kind}.html.j2"


@dataclass(frozen=True)
class Text(Block):
    """Paragraphs."""

    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Points(Block):
    """Sentences, each for itself."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Table(Block):
    """Rows under a header; the first cell of each row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False  # behind its caption, until that is clicked

    def is_numeric(self, column: int) -> bool:
        """Whether a column has numbers only, which stand to the right."""
        cells = (row[column] for row in self.rows)
        return all(cell.lstrip("+-")[:1].isdigit() or cell == "-" for cell in cells)


@dataclass(frozen=True)
class Chart(Block):
    """A picture of numbers."""

    title: str
    drawing: Markup  # SVG, with what it shows in words
    caption: str = ""


@dataclass(frozen=True)
class Charts(Block):
    """Charts side by side, as many as fit."""

    charts: Sequence[Chart]


@dataclass(frozen=True)
class Picture(Block):
    """A small image, and its caption."""

    source: str | None  # a data URI; without images at hand, the words stand alone
    alt: str
    words: Sequence[str]  # lines below


@dataclass(frozen=True)
class Gallery(Block):
    """Small images side by side."""

    title: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Confusion(Block):
    """Images of one class that were taken for another."""

    name: str
    images: int
    share: float  # of the images of that class
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Confusions(Block):
    """Confusions, the most frequent first."""

    rows: Sequence[Confusion]


@dataclass(frozen=True)
class Sheet(Block):
    """One wide picture."""

    title: str
    source: str
    alt: str
    pixels: int  # its width on the page


@dataclass(frozen=True)
class Matrix(Block):
    """A confusion matrix: rows are true classes, columns predictions."""

    classes: Sequence[str]
    counts: Sequence[Sequence[int]]

    def shade(self, row: int, column: int) -> float:
        """How strongly a cell is colored, 0 to 1: of mistakes, relative to the most frequent."""
        if row == column:
            return self.counts[row][column] / max(1, sum(self.counts[row]))
        wrong = (n for i, line in enumerate(self.counts) for j, n in enumerate(line) if i != j)
        return self.counts[row][column] / max(1, *wrong, 1)


@dataclass(frozen=True)
class Part(Block):
    """A stage of a network."""

    name: str
    shape: str
    side: float  # of its images, relative to the input's: 0 to 1
    shares: Mapping[str, float]  # of the whole network: parameters, multiply-accumulates
    facts: Sequence[str]


@dataclass(frozen=True)
class Diagram(Block):
    """The stages of a network, from the image to the classes."""

    parts: Sequence[Part]


@dataclass(frozen=True)
class Facts(Block):
    """Names and values."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Command(Block):
    """A command line with a button that copies it."""

    title: str
    words: Sequence[str]  # none of them is broken at the end of a line, if that can be
