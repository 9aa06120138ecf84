"""Cases of Turkish proper names: Balat'ta, Kız Kulesi'ne, Kadıköy'ün, Moda'daki.

An ending follows the last vowel as it is spoken and hardens behind a voiceless consonant; a name whose last word has a
possessive ending ("Sahili", "Camii", "Nişantaşı") takes an n before it. The written name never changes.

Source: Türk Dil Kurumu, Yazım Kılavuzu, "Kesme işareti" and "Büyük ünlü uyumu"; Göksel and Kerslake (2005), Turkish: A
Comprehensive Grammar, 6.1 and 8.1.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_VOWELS = "aeıioöuüâîû"
_FRONT = "eiöüî"
_HARD = "fstkçşhp"
_LOW = str.maketrans({"I": "ı", "İ": "i"})
_PLAIN = str.maketrans("éèêáàóúíÉëï", "eeeaaouiEei")
_HIGH = {"a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u", "ö": "ü", "ü": "ü"}

_FRONT_THOUGH_BACK = (
    "istiklal", "kemal", "cemal", "celal", "hilal", "bilal", "nihal", "ikbal", "saat", "rol", "gol", "petrol",
    "kontrol", "alkol", "festival", "santral", "terminal", "hal", "sembol", "ihtilal", "harf", "seyahat", "moral",
    "kristal", "portal",
)  # fmt: skip
"""Last words whose l, t or f is soft, so that the endings are those of front vowels: İstiklal'de."""

_NO_POSSESSIVE = frozenset(
    (
        "cami", "efendi", "çarşı", "kapı", "yalı", "kuyu", "koru", "köprü", "avlu", "kıyı", "salı", "yani", "irini",
        "yorgi", "giritli", "develi", "kuleli", "kandilli", "şişli", "ali", "veli", "turşucu", "sabri", "fehmi",
        "inci", "mavi", "kırmızı", "yeni", "eski", "sarı", "gizli", "tatlı", "sulu", "loti", "levi", "rumi", "paşalı",
        "yedi", "altı", "iki", "elli", "yirmi", "deli", "pandeli", "sirkeci", "bomonti", "martı", "arı",
        "kedi", "gemi", "safi", "millî", "askerî", "zeki", "yahyalı",
    )
)  # fmt: skip
"""Last words that end with a high vowel and are no possessives."""

_JOINED = (
    "önü", "taşı", "başı", "beyi", "hisarı", "değirmeni", "burnu", "altı", "kavağı", "tepesi", "çeşmesi", "köprüsü",
    "bahçesi", "limanı", "pınarı", "üstü", "ardı", "yolu", "sarayı", "oğlu", "kapısı", "iskelesi", "çiftliği", "ağzı",
    "ormanı", "korusu", "kuyusu", "kalesi", "suyu",
)  # fmt: skip
"""Endings of names in one word that are possessive compounds: Eminönü, Nişantaşı, Beylerbeyi."""

_NUMERALS = {
    "0": "sıfır", "1": "bir", "2": "iki", "3": "üç", "4": "dört", "5": "beş", "6": "altı", "7": "yedi", "8": "sekiz",
    "9": "dokuz", "10": "on", "20": "yirmi", "30": "otuz", "40": "kırk", "50": "elli", "60": "altmış", "70": "yetmiş",
    "80": "seksen", "90": "doksan", "00": "yüz", "000": "bin",
}  # fmt: skip


@dataclass(frozen=True)
class _Sound:
    """How the end of a name is spoken."""

    vowel: str  # the last one
    ends_with_vowel: bool
    hard: bool  # ends with a voiceless consonant
    front: bool
    possessive: bool

    @property
    def e(self) -> str:
        """The vowel of -de, -den, -e."""
        return "e" if self.front else "a"

    @property
    def i(self) -> str:
        """The vowel of -in, -i."""
        high = _HIGH[self.vowel]
        return {"ı": "i", "u": "ü"}.get(high, high) if self.front else high


def locative(name: str) -> str:
    """In a place: Balat'ta, Kadıköy'de, Moda Sahili'nde.

    Examples:
        >>> [locative(name) for name in ("Balat", "Üsküdar", "Kız Kulesi", "Yakup 2", "AKM")]
        ["Balat'ta", "Üsküdar'da", "Kız Kulesi'nde", "Yakup 2'de", "AKM'de"]
    """
    return _with(name, lambda sound: _d(sound) + sound.e)


def ablative(name: str) -> str:
    """From a place: Balat'tan, Moda Sahili'nden."""
    return _with(name, lambda sound: _d(sound) + sound.e + "n")


def dative(name: str) -> str:
    """To a place: Balat'a, Moda'ya, Moda Sahili'ne."""
    return _with(name, lambda sound: _buffer(sound, "y") + sound.e)


def accusative(name: str) -> str:
    """A place as an object: Balat'ı, Moda'yı, Moda Sahili'ni."""
    return _with(name, lambda sound: _buffer(sound, "y") + sound.i)


def genitive(name: str) -> str:
    """Of a place: Balat'ın, Moda'nın, Moda Sahili'nin."""
    return _with(name, lambda sound: ("n" if sound.ends_with_vowel else "") + sound.i + "n")


def relative(name: str) -> str:
    """What is in a place: Balat'taki, Moda Sahili'ndeki."""
    return _with(name, lambda sound: _d(sound) + sound.e + "ki")


def _d(sound: _Sound) -> str:
    return "nd" if sound.possessive else "t" if sound.hard else "d"


def _buffer(sound: _Sound, letter: str) -> str:
    return "n" if sound.possessive else letter if sound.ends_with_vowel else ""


def _with(name: str, ending: Callable[[_Sound], str]) -> str:
    """A name with an ending, which goes before words in brackets."""
    bare, bracket, rest = name.partition(" (")
    return f"{bare}'{ending(_sound(bare))}{bracket}{rest}"


def _sound(name: str) -> _Sound:
    words = re.findall(r"\w+", name)
    if not words:
        raise ValueError("a name has letters or digits")
    last = words[-1]
    spoken = _spoken(last)
    vowels = [letter for letter in spoken if letter in _VOWELS]
    vowel = (vowels or ["e"])[-1].translate(str.maketrans("âîû", "aiu"))
    return _Sound(
        vowel=vowel,
        ends_with_vowel=not vowels or spoken[-1] in _VOWELS,
        hard=spoken[-1] in _HARD + "xq",
        front=vowel in _FRONT or spoken in _FRONT_THOUGH_BACK,
        possessive=last[-1].isalpha() and last[-1] not in "yY" and _is_possessive(spoken, len(words) > 1),
    )


def _spoken(word: str) -> str:
    """The last word as it is spoken, in small letters: digits and abbreviations are read out."""
    if word.isdigit():
        return _numeral(word)
    small = word.translate(_LOW).translate(_PLAIN).lower()
    if word.isupper() and (len(word) <= 3 or not set(small[-3:]) & set(_VOWELS)):
        return small if small[-1] in _VOWELS else small[-1] + "e"
    if len(small) > 2 and small[-1] == "y" and small[-2] not in _VOWELS:
        return small[:-1] + "i"  # Roastery
    return small


def _numeral(digits: str) -> str:
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or digits == "0":
        return _NUMERALS[digits[-1]]
    if zeros == 1:
        return _NUMERALS[digits[-2:]]
    return _NUMERALS["00"] if zeros == 2 else _NUMERALS["000"]


def _is_possessive(word: str, compound: bool) -> bool:
    if word[-1] not in "ıiuü" or word in _NO_POSSESSIVE:
        return False
    return compound or (word.endswith(_JOINED) and word not in _JOINED)
