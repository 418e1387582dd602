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


COMMAND = re.compile(
    "(?P<csi>(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~])"
    "|(?P<string>(?:\x1b[P\\]^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?)"
    "|(?P<escape>\x1b[ -/]*[0-~]?)"
    "|(?P<control>[\x00-\x09\x0b-\x1f\x7f-\x9f])"
    "|(?P<order>[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff])"
)
OWN = (
    re.compile(
        "\x1b\\[(?:0?[0-9]|[39][0-79]|49)(?:;(?:0?[0-9]|[39][0-79]|49))*m"
    ),  # the sixteen colours, and shapes
    re.compile("\x1b\\[[0-9]+A|\x1b\\[J|\r"),  # going back over what is staged
    re.compile("\x1b\\]8;;(?!http://evil)[!-~]*\x1b\\\\"),  # links
    re.compile("\t"),
)
"""What a display of ours may command."""


def foreign_commands(written):
    """Return what commands a terminal in `written` and is none of a display's own."""
    found = (match.group() for match in COMMAND.finditer(written))
    return [command for command in found if not any(own.fullmatch(command) for own in OWN)]
