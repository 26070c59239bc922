"""What stands at the top of every page that is written here."""

from typing import Final

NOTICE: Final = "<!-- Written by `python -m tools.reference`; change the declarations, not this page. -->\n"
