"""What the dashboard says in each language, and how numbers, times and durations are written there."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib import resources

__all__ = ["LANGUAGES", "Words", "catalogue"]

LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Español"}
"""Each by its own name; the first is spoken to whoever asks for none of them."""

DECIMAL = {"en": (",", "."), "es": ("\N{NARROW NO-BREAK SPACE}", ",")}
"""What groups thousands, and what begins a fraction.

In Spanish ``1.234`` is a thousand in Bogotá, and one and a bit in Mexico and New York; a space, as the Real
Academia has it, is read alike by all.
"""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of *language* by key."""
    file = resources.files(__package__).joinpath("words", f"{language}.toml")
    sections = tomllib.loads(file.read_text("utf-8"))
    return {f"{section}.{name}": text for section, texts in sections.items() for name, text in texts.items()}


class Words:
    """One language. What has no entry is a fault of ours, and raises KeyError."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else next(iter(LANGUAGES))
        self._texts = catalogue(self.language)

    def __call__(self, key: str, /, **values: object) -> str:
        text = self._texts[key]
        return text.format(**values) if values else text

    def count(self, key: str, number: int) -> str:
        """The sentence that counts; of one thing alone there is another, ``key-one``."""
        return self(f"{key}-one" if number == 1 else key, count=self.number(number))

    def of(self, section: str, name: str) -> str:
        """The word for *name*, which the core knows; itself where the catalogue does not."""
        return self._texts.get(f"{section}.{name}", name)

    def number(self, value: float, digits: int = 0, *, signed: bool = False) -> str:
        """``12,345.6`` or ``12 345,6``."""
        group, point = DECIMAL[self.language]
        value = round(value, digits) or 0.0  # no sign of nothing
        text = f"{value:{'+' if signed and value else ''},.{digits}f}"
        return text.translate({ord(","): group, ord("."): point}).replace("-", "\N{MINUS SIGN}")

    def percent(self, share: float, digits: int = 0) -> str:
        space = "\N{NO-BREAK SPACE}" if self.language == "es" else ""
        return f"{self.number(share * 100, digits)}{space}%"

    def duration(self, seconds: float) -> str:
        """``45 s``, ``52 min 42 s``, ``1 h 05 min``."""
        whole = round(abs(seconds))
        sign = "\N{MINUS SIGN}" if seconds < 0 and whole else ""
        minutes, rest_s = divmod(whole, 60)
        if minutes >= 60:
            return f"{sign}{minutes // 60} h {minutes % 60:02d} min"
        if not minutes:
            return f"{sign}{rest_s} s"
        return f"{sign}{minutes} min {rest_s:02d} s" if minutes < 20 else f"{sign}{round(whole / 60)} min"

    def change(self, seconds: float) -> str:
        """A difference of durations, with its sign."""
        text = self.duration(seconds)
        return f"+{text}" if seconds > 0 and round(seconds) else text

    def clock(self, at: datetime) -> str:
        return f"{at:%H:%M}"

    def day(self, day: date) -> str:
        """``Fri 1 Mar 2024``, ``vie 1 mar 2024``."""
        weekday, month = self("days.short").split()[day.weekday()], self("days.months").split()[day.month - 1]
        return f"{weekday} {day.day} {month} {day.year}"

    def instant(self, at: datetime) -> str:
        return f"{self.day(at.date())} {at:%H:%M}"
