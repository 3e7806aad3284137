"""Words of a text for full-text indexes: made here, so that both databases hold and find the same ones."""

import re
import unicodedata

LONGEST = 64
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_ENDINGS = ("ation", "ment", "tion", "sion", "ing", "ed", "er", "or", "ly")
_KEPT = {"ation": "at", "tion": "t", "sion": "s"}
_COMMON = """
    a about above after all also always an and any anything are around as asked asking asks at be because been
    before being below between both but by can change changes changing code could did do does doing don done each
    every for from get gets getting give given go goes going had has have having he her here his how i if in into
    involved involves involving is it its just know let like make makes making may me mention mentioned mentions
    more most must my need needed needs new no not now of off on once one only or other our out over own please
    regarding related repo repos repositories repository request requests session sessions she should so some such
    task tasks than that the their them then there these they thing things this those through to too touch touches
    touching under up upon us use used user users uses using very via want wants was we were what when whenever
    where which while who why will with within without work working works would write writes writing you your
"""
COMMON = frozenset(_COMMON.split())
"""English words that tell nothing about what a text deals with, in notes that say when they apply least of all."""


def words(text: str) -> list[str]:
    """The different words of a text in their order: small letters, no accents, pairs of signs where none are spaced."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    found: dict[str, None] = {}
    for word in _WORD.findall(unicodedata.normalize("NFC", plain)):
        if _UNSPACED.match(word):
            found.update(dict.fromkeys([word[at : at + 2] for at in range(max(1, len(word) - 1))]))
        else:
            found[word[:LONGEST]] = None
    return list(found)


def stems(text: str) -> list[str]:
    """Words that tell what a text deals with, each form of a word as the same one."""
    return list(dict.fromkeys(stem(word) for word in words(text) if word not in COMMON))


def stem(word: str) -> str:
    """An English word without its ending; crude, and the same for the forms of one word. Others stay as they are."""
    if not (word.isascii() and word.isalpha()) or len(word) < 4:
        return word
    if word.endswith("ies"):
        word = f"{word[:-3]}y"
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= 3 and _VOWEL.search(rest):
            word = _DOUBLED.sub(r"\1", rest + _KEPT.get(ending, ""))
            break
    word = word.removesuffix("e") if len(word) > 3 else word
    return f"{word[:-1]}i" if len(word) > 3 and word.endswith("y") else word
