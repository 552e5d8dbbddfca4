"""Labels as numbers, for what is compiled."""

from __future__ import annotations

from collections.abc import Iterable


class Labels:
    """The labels of a partition that its state names, each with a code; 0 is none.

    Codes are given in the order in which the log brings the labels, and a seal keeps
    them: a row means the same wherever it is read.
    """

    __slots__ = ("_codes", "_texts")

    def __init__(self) -> None:
        self._codes = {"": 0}
        self._texts = [""]

    def code(self, text: str) -> int:
        """The code of a label, a new one if it has none."""
        known = self._codes.get(text)
        if known is None:
            known = self._codes[text] = len(self._texts)
            self._texts.append(text)
        return known

    def codes(self, texts: Iterable[str]) -> list[int]:
        """The codes of labels."""
        return [self.code(text) for text in texts]

    def known(self, text: str) -> int:
        """The code of a label; 0 if it has none."""
        return self._codes.get(text, 0)

    def __len__(self) -> int:
        """One more than the highest code."""
        return len(self._texts)

    def text(self, code: int) -> str:
        """The label of a code."""
        return self._texts[code]

    def dump(self) -> list[str]:
        """As plain values."""
        return self._texts[1:]

    def load(self, texts: Iterable[str]) -> None:
        """Take what ``dump`` gave."""
        for text in texts:
            self.code(text)
