"""Sentences in English and Turkish; a phrase exists only where the fact it tells is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Language = Literal["en", "tr"]
LANGUAGES: tuple[Language, ...] = ("en", "tr")


@dataclass(frozen=True)
class Facts:
    """What may be said about one gem for one person now."""

    item: Mapping[str, Any]  # its row of the item table
    features: Mapping[str, float]  # its vector by name
    time_of_day: str | None = None

    def value(self, name: str) -> float | None:
        """A feature, None where it is missing."""
        value = self.features.get(name, np.nan)
        return None if np.isnan(value) else float(value)

    def text(self, name: str) -> str | None:
        """A column of the item table, None where it is empty."""
        value = self.item.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def has_history(self) -> bool:
        """Whether the person liked anything before."""
        return (self.value("activity_total") or 0) > 0


@dataclass(frozen=True)
class Phrase:
    """Key of a template and the facts it is filled with."""

    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def phrase(concept: str, facts: Facts) -> Phrase | None:
    """What can be said of a concept, None where the facts for it are missing."""
    teller = _TELLERS.get(concept)
    return teller(facts) if teller else None


def render(told: Phrase, language: Language) -> str:
    """A phrase in a language; words of the vocabulary are translated, a data set's own words stay."""
    words = WORDS[language]
    return TEMPLATES[language][told.key].format(
        **{name: words.get(value, value) if isinstance(value, str) else value for name, value in told.facts.items()}
    )


def sentence(facts: Facts, phrases: list[Phrase], language: Language) -> str:
    """One sentence that names the gem and gives the reasons in their order."""
    name = facts.text("name")
    type_, neighborhood = facts.text("type"), facts.text("neighborhood")
    kind = WORDS[language].get(type_ or "", type_ or WORDS[language]["place"])
    subject = name or TEMPLATES[language]["unnamed"].format(kind=kind)
    if neighborhood:
        subject = f"{subject} ({neighborhood})"
    if not phrases:
        return TEMPLATES[language]["explore"].format(subject=subject)
    return f"{subject}: {'; '.join(render(told, language) for told in phrases)}."


def _percent(share: float) -> int:
    return round(100 * share)


def _taste(facts: Facts) -> Phrase | None:
    share, type_ = facts.value("type_share"), facts.text("type")
    if type_ and share and _percent(share) > 0:
        return Phrase("type_share", {"percent": _percent(share), "type": type_})
    similarity = facts.value("cosine_similarity")
    return Phrase("similar") if facts.has_history and similarity is not None and similarity > 0 else None


def _neighborhood(facts: Facts) -> Phrase | None:
    share, neighborhood = facts.value("neighborhood_share"), facts.text("neighborhood")
    if neighborhood and share and _percent(share) > 0:
        return Phrase("neighborhood_share", {"percent": _percent(share), "neighborhood": neighborhood})
    return None


def _people(facts: Facts) -> Phrase | None:
    known = facts.value("ncf_score") is not None or facts.value("collaborative_score") is not None
    return Phrase("people" if facts.has_history else "newcomers") if known else None


def _authenticity(facts: Facts) -> Phrase | None:
    value = facts.value("authenticity")
    if value is None:
        return None
    return Phrase("authentic" if value >= 0.5 else "unpretentious", {"percent": _percent(value)})


def _crowd(facts: Facts) -> Phrase | None:
    crowd, tourists = facts.value("crowd_level"), facts.value("tourist_ratio")
    if crowd is not None:
        return Phrase("calm" if crowd < 0.5 else "lively")
    if tourists is not None:
        return Phrase("locals" if tourists < 0.5 else "visitors", {"percent": _percent(tourists)})
    return None


def _hidden(facts: Facts) -> Phrase | None:
    value = facts.value("hidden_factor")
    if value is None:
        return None
    return Phrase("hidden" if value >= 5 else "famous", {"factor": round(value)})


def _price(facts: Facts) -> Phrase | None:
    value = facts.value("price_level")
    if value is None:
        return None
    return Phrase("free") if value == 0 else Phrase("price", {"level": round(value)})


def _popularity(facts: Facts) -> Phrase | None:
    week = facts.value("interactions_7d")
    likes = week if week is not None else facts.value("interactions_total")
    if not likes or (facts.value("popularity") or 0) < 0.1:
        return Phrase("rare") if (facts.value("is_rare") or 0) > 0 else None
    return Phrase("popular_week" if week is not None else "popular", {"likes": round(likes)})


def _quality(facts: Facts) -> Phrase | None:
    rating, conversion = facts.value("item_average_rating"), facts.value("conversion_rate")
    if rating is not None and rating >= 3.5:
        return Phrase("rated", {"rating": round(rating, 1)})
    if conversion is not None and 0 < _percent(conversion) < 100:
        return Phrase("converts", {"percent": _percent(conversion)})
    return None


def _novelty(facts: Facts) -> Phrase | None:
    days = facts.value("freshness_days")
    return Phrase("new", {"days": max(1, round(days))}) if days is not None and days <= 60 else None


def _distance(facts: Facts) -> Phrase | None:
    minutes = facts.value("travel_minutes")
    return None if minutes is None else Phrase("near", {"minutes": max(1, round(minutes))})


def _own(facts: Facts) -> Phrase | None:
    visits = facts.value("own_visits")
    if visits is None or not facts.has_history:
        return None
    return Phrase("again", {"visits": round(visits)}) if visits > 0 else Phrase("first_time")


def _time(facts: Facts) -> Phrase | None:
    return Phrase("time", {"time": facts.time_of_day}) if facts.time_of_day else None


def _weather(facts: Facts) -> Phrase | None:
    setting = facts.text("setting")
    given = facts.value("weather") is not None or facts.value("temperature") is not None
    return Phrase("weather", {"setting": setting}) if setting and given else None


_TELLERS: Mapping[str, Callable[[Facts], Phrase | None]] = {
    "taste": _taste, "neighborhood": _neighborhood, "people": _people, "authenticity": _authenticity, "crowd": _crowd,
    "hidden": _hidden, "price": _price, "popularity": _popularity, "quality": _quality, "novelty": _novelty,
    "distance": _distance, "own": _own, "time": _time, "weather": _weather,
}  # fmt: skip

TEMPLATES: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "type_share": "{percent} % of the places you liked are of this kind ({type})",
        "similar": "it is close to the places you liked",
        "neighborhood_share": "{percent} % of the places you liked are in {neighborhood}",
        "people": "people with a taste like yours choose it",
        "newcomers": "it does well with people we do not know yet",
        "authentic": "our editors call it authentic ({percent} of 100)",
        "unpretentious": "it does not try to be the most authentic place ({percent} of 100)",
        "calm": "it is rarely crowded",
        "lively": "there is always something going on",
        "locals": "mostly locals go there ({percent} % visitors)",
        "visitors": "visitors of the city like it ({percent} % visitors)",
        "hidden": "hardly anybody knows it (hidden factor {factor} of 10)",
        "famous": "it is one of the well-known places (hidden factor {factor} of 10)",
        "free": "it costs nothing",
        "price": "its price level suits ({level} of 4)",
        "rare": "few have found it so far",
        "popular_week": "it was liked {likes} times in the last 7 days",
        "popular": "it was liked {likes} times",
        "rated": "it is rated {rating} of 5",
        "converts": "{percent} % of the feedback on it is a save, share or visit",
        "new": "it is new here (known for {days} days)",
        "near": "it is about {minutes} minutes away",
        "again": "you liked it {visits} times before",
        "first_time": "you have not been there yet",
        "time": "it fits the {time}",
        "weather": "it fits the weather ({setting})",
        "wished": "you asked for this kind ({type})",
        "unnamed": "This {kind}",
        "explore": "{subject}: something to explore, we do not know you well enough yet.",
    },
    "tr": {
        "type_share": "beğendiğin yerlerin yüzde {percent} kadarı bu türden ({type})",
        "similar": "beğendiğin yerlere benziyor",
        "neighborhood_share": "beğendiğin yerlerin yüzde {percent} kadarı bu semtte: {neighborhood}",
        "people": "zevki seninkine benzeyenler burayı seçiyor",
        "newcomers": "henüz tanımadığımız kişiler de burayı seviyor",
        "authentic": "editörlerimize göre özgün bir yer (100 üzerinden {percent})",
        "unpretentious": "özgünlük iddiası olmayan bir yer (100 üzerinden {percent})",
        "calm": "genellikle sakin",
        "lively": "her zaman hareketli",
        "locals": "daha çok şehrin yerlileri gidiyor (yüzde {percent} ziyaretçi)",
        "visitors": "şehre gelenler seviyor (yüzde {percent} ziyaretçi)",
        "hidden": "pek az kişi biliyor (gizlilik puanı 10 üzerinden {factor})",
        "famous": "herkesin bildiği yerlerden (gizlilik puanı 10 üzerinden {factor})",
        "free": "ücretsiz",
        "price": "fiyat düzeyi uygun (4 üzerinden {level})",
        "rare": "şimdiye kadar pek az kişi keşfetti",
        "popular_week": "son 7 günde {likes} kez beğenildi",
        "popular": "{likes} kez beğenildi",
        "rated": "puanı 5 üzerinden {rating}",
        "converts": "geri bildirimlerin yüzde {percent} kadarı kaydetme, paylaşma ya da ziyaret",
        "new": "burada yeni ({days} gündür biliniyor)",
        "near": "yaklaşık {minutes} dakika uzakta",
        "again": "daha önce {visits} kez beğendin",
        "first_time": "buraya henüz gitmedin",
        "time": "günün bu saatine uygun ({time})",
        "weather": "havaya uygun ({setting})",
        "wished": "istediğin türden ({type})",
        "unnamed": "Bu yer ({kind})",
        "explore": "{subject}: keşfetmeye değer; seni henüz yeterince tanımıyoruz.",
    },
}

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "place": "place", "cafe": "café", "historical": "historical place", "music": "music venue", "street": "street",
        "indoor": "indoors", "outdoor": "outdoors", "both": "indoors and outdoors",
    },
    "tr": {
        "place": "yer", "cafe": "kafe", "bakery": "fırın", "restaurant": "restoran", "bar": "bar", "rooftop": "teras",
        "bookshop": "kitapçı", "market": "pazar", "craft": "zanaat", "historical": "tarihî yer", "museum": "müze",
        "gallery": "galeri", "viewpoint": "seyir noktası", "garden": "bahçe", "waterfront": "sahil", "nature": "doğa",
        "hammam": "hamam", "music": "müzik mekânı", "street": "sokak", "morning": "sabah", "afternoon": "öğleden sonra",
        "evening": "akşam", "night": "gece", "indoor": "kapalı alan", "outdoor": "açık hava",
        "both": "hem kapalı hem açık alan",
    },
}  # fmt: skip

LABELS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "taste": "your taste", "neighborhood": "the neighborhood", "people": "people like you", "path": "your path",
        "authenticity": "authenticity", "crowd": "crowds", "hidden": "hidden or famous", "price": "price",
        "popularity": "popularity", "quality": "feedback of others", "novelty": "new in town",
        "distance": "distance", "own": "your own visits", "time": "time of day", "weather": "weather",
    },
    "tr": {
        "taste": "zevkin", "neighborhood": "semt", "people": "sana benzeyenler", "path": "izlediğin yol",
        "authenticity": "özgünlük", "crowd": "kalabalık", "hidden": "gizli ya da ünlü", "price": "fiyat",
        "popularity": "popülerlik", "quality": "başkalarının geri bildirimi", "novelty": "yeni yer",
        "distance": "uzaklık", "own": "kendi ziyaretlerin", "time": "günün saati", "weather": "hava",
    },
}  # fmt: skip
