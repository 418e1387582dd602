"""As much of a terminal as a live display uses: text, line ends, going up, erasing, colours."""

import re

TOKENS = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[[0-9;]*m|\r|\n|[^\x1b\r\n]")


def screen_of(written, columns):
    """Return the rows that a terminal of so many columns has after `written`."""
    rows, row, column = [[]], 0, 0
    for token in TOKENS.finditer(re.sub(r"\x1b\[[0-9;]*m", "", written)):
        count, command = token.groups()
        match command, token.group():
            case None, "\r":
                column = 0
            case None, "\n":
                row, column = row + 1, 0
                rows += [[]] * (row == len(rows))
            case "A", _:
                row = max(0, row - int(count))
            case "J", _:
                rows[row:] = [rows[row][:column]]
            case _, character:
                if column == columns:
                    row, column = row + 1, 0
                    rows += [[]] * (row == len(rows))
                rows[row] = [*rows[row][:column], character, *rows[row][column + 1 :]]
                column += 1
    return ["".join(cells).rstrip() for cells in rows]
