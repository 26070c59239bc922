"""How help is laid out: examples keep their lines, and fit the terminal nevertheless."""

from __future__ import annotations

import re
from typing import Final

import click

VERBATIM: Final = "\b\n"  # click's mark of a paragraph whose lines stay
BESIDE: Final = re.compile(r"( *)(\S.*?) {2,}(\S.*)")  # a command, and what it does


class Help(click.HelpFormatter):
    """click's, but what does not fit beside an example stands below it."""

    def write_text(self, text: str) -> None:
        super().write_text("\n\n".join(self._fitting(paragraph) for paragraph in text.split("\n\n")))

    def _fitting(self, paragraph: str) -> str:
        if not paragraph.startswith(VERBATIM):
            return paragraph
        room = self.width - self.current_indent
        return "\n".join(
            line if len(line) <= room else BESIDE.sub(r"\1\2\n\1    \3", line)
            for line in paragraph.splitlines()
        )
