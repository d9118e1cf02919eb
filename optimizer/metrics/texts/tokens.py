"""Text as words that can be compared."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = {"a", "an", "the"}
# Scripts that set no spaces between words are compared character by character.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff"  # parts of words that \w leaves out
_NUMBER = r"(?:(?<![\w.])[-−])?\d+(?:[.,]\d+)*%?(?![^\W\d_])"  # a sign, decimals and percent belong to it
_TOKEN = re.compile(rf"{_NUMBER}|[{_UNSPACED}]|(?:[^\W_{_UNSPACED}]|[{_MARKS}])+")


def tokens(text: str, *, articles: bool = True) -> list[str]:
    """Words and numbers in lower case, without punctuation; `articles`: whether a, an, the stay."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    found = _TOKEN.findall(re.sub(r"(?<=\w)['’](?=\w)", "", folded))
    return found if articles else [token for token in found if token not in _ARTICLES]


def plain(text: str) -> str:
    """The text brought to one form; a text of nothing but signs (or articles) stays as it is."""
    return " ".join(tokens(text, articles=False)) or " ".join(unicodedata.normalize("NFKC", text).casefold().split())
