# SPDX-License-Identifier: Apache-2.0
"""A table that follows what it shows.

On a terminal it is drawn again in its place; anywhere else (a pipe, a file, a CI log) there is one line for each
row that changed, with the time since the start.
"""

import os
import shutil
import textwrap
import time
import unicodedata

BOLD, DIM, GREEN, YELLOW, RED, BLUE, PLAIN = "1", "2", "32", "33", "31", "34", ""
COLOUR_OF_STATE = {"Completed": GREEN, "InProgress": BLUE, "Failed": RED, "RetriesExceeded": RED, "TimedOut": RED,
                   "Pending": YELLOW, "Cancelled": DIM}


UNLIMITED = 1000 # columns, where nothing has to be drawn in its place


class Screen:
    """Output for people."""

    def __init__(self, stream):
        self._stream = stream
        self.is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self.is_terminal and "NO_COLOR" not in os.environ

    @property
    def width(self):
        return shutil.get_terminal_size((120, 40)).columns if self.is_terminal else UNLIMITED

    def paint(self, colour, text):
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text

    def say(self, text=""):
        self._stream.write(text + "\n")
        self._stream.flush()

    def say_wrapped(self, start, text):
        """Says `start` and `text`; on a terminal the text is wrapped, and its further lines begin below its first."""
        self.say("\n".join(textwrap.wrap(text, self.width - 1, initial_indent=start, subsequent_indent=" " * len(start),
                                         break_on_hyphens=False)) or start)

    def heading(self, text):
        self.say()
        self.say(self.paint(BOLD, text))
        self.say()

    def move_up(self, count):
        if count:
            self._stream.write(f"\x1b[{count}F\x1b[J")


class LiveTable:
    """Shows rows of the same columns over and over. A column is (heading, width, smallest width); the last one gets
    what is left of the line."""

    def __init__(self, screen, columns, state_column):
        self._screen, self._columns, self._state = screen, columns, state_column
        self._headings = [heading for heading, _, _ in columns]
        self._drawn = 0
        self._shown = {}
        self._start = time.monotonic()

    def show(self, rows):
        """`rows` is {key: cells}."""
        if self._screen.is_terminal:
            self._draw(rows)
        else:
            self._tell(rows)
        self._shown = dict(rows)

    def leave(self):
        """What was drawn stays as it is; the next show() draws below it."""
        self._drawn = 0

    def _draw(self, rows):
        if rows == self._shown and self._drawn:
            return
        self._screen.move_up(self._drawn)
        self._screen.say(self._screen.paint(DIM, self._line(self._headings)))
        for cells in rows.values():
            self._screen.say(self._line(cells, COLOUR_OF_STATE.get(cells[self._state], PLAIN)))
        self._drawn = len(rows) + 1

    def _tell(self, rows):
        elapsed = time.monotonic() - self._start
        for key, cells in rows.items():
            if self._shown.get(key) != cells:
                self._screen.say(f"{elapsed:5.1f} s  {self._line(cells)}".rstrip())

    def _line(self, cells, colour=PLAIN):
        fitted = [fit(cell, width) for cell, width in zip(cells, self._widths())]
        fitted[-1] = fitted[-1].rstrip()
        fitted[self._state] = self._screen.paint(colour, fitted[self._state])
        return "  ".join(fitted)

    def _widths(self):
        """So that a line fits the screen as it is now: the roomiest columns give way first."""
        widths = [width for _, width, _ in self._columns]
        room = [width - smallest for _, width, smallest in self._columns]
        missing = sum(widths) + 2 * (len(widths) - 1) + 1 - self._screen.width
        while missing > 0 and max(room) > 0:
            widest = room.index(max(room))
            room[widest] -= 1
            widths[widest] -= 1
            missing -= 1
        widths[-1] += max(-missing, 0)
        return widths


def fit(text, width):
    """Exactly `width` columns; what does not fit is cut, and control characters (of whatever origin) are taken out."""
    text = "".join("?" if unicodedata.category(letter).startswith("C") else letter for letter in text)
    return text.ljust(width) if len(text) <= width else text[:width - 1] + "…"
