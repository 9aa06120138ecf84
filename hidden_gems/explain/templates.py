"""What is said, in English and in Turkish: each reason in a plain form, and in one that names the gem."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "tr"]
LANGUAGES: tuple[Language, ...] = ("en", "tr")

TEMPLATES: Mapping[Language, Mapping[str, tuple[str, str]]] = {
    "en": {
        "type_share": (
            "{percent} % of the places you liked are of this kind",
            "{percent} % of the places you liked are of the same kind as {name}",
        ),
        "similar": ("it is like the places you liked", "{name} is like the places you liked"),
        "neighborhood_share": (
            "{percent} % of the places you liked are in {neighborhood}",
            "{percent} % of the places you liked are in {neighborhood}, where {name} is, too",
        ),
        "people": ("people with a taste like yours choose it", "people with a taste like yours choose {name}"),
        "path": ("people who went where you went choose it", "people who went where you went choose {name}"),
        "newcomers": ("people we do not know yet like it", "people we do not know yet like {name}"),
        "authentic": (
            "our editors call it authentic ({percent} of 100)",
            "our editors call {name} authentic ({percent} of 100)",
        ),
        "unpretentious": (
            "it does not try to be the most authentic place ({percent} of 100)",
            "{name} does not try to be the most authentic place ({percent} of 100)",
        ),
        "calm": ("it is rarely crowded", "{name} is rarely crowded"),
        "lively": ("it is often lively there", "{name} is often lively"),
        "locals": (
            "mostly locals go there ({percent} % visitors)",
            "mostly locals go to {name} ({percent} % visitors)",
        ),
        "visitors": ("visitors like it ({percent} % visitors)", "visitors like {name} ({percent} % visitors)"),
        "hidden": (
            "hardly anybody knows it",
            "hardly anybody knows {name}",
        ),
        "famous": (
            "it is a well-known place",
            "{name} is a well-known place",
        ),
        "free": ("it costs nothing", "{name} costs nothing"),
        "price": ("the price level is {level} of 4", "the price level of {name} is {level} of 4"),
        "rare": ("few people have found it so far", "few people have found {name} so far"),
        "popular_week": (
            "it was liked {likes} {times} in the last 7 days",
            "{name} was liked {likes} {times} in the last 7 days",
        ),
        "popular": ("it was liked {likes} {times}", "{name} was liked {likes} {times}"),
        "rated": ("it is rated {rating} of 5", "{name} is rated {rating} of 5"),
        "converts": (
            "{percent} % of the feedback on it is a save, share or visit",
            "{percent} % of the feedback on {name} is a save, share or visit",
        ),
        "new": ("it is new here (known for {days} {unit})", "{name} is new here (known for {days} {unit})"),
        "near": ("it is about {minutes} {unit} away", "{name} is about {minutes} {unit} away"),
        "again": ("you liked it {visits} {times} before", "you liked {name} {visits} {times} before"),
        "first_time": ("you have not been there yet", "you have not been to {name} yet"),
        "time": ("it suits the {time}", "{name} suits the {time}"),
        "weather": ("it suits the weather ({setting})", "{name} suits the weather ({setting})"),
        "wished": ("you asked for this kind of place", "you asked for this kind of place, so there is {name}"),
        "stranger": (
            "we do not know you well enough yet, so just have a look",
            "we do not know you well enough yet, so just have a look at {name}",
        ),
        "look": ("it is worth a look", "{name} is worth a look"),
    },
    "tr": {
        "type_share": (
            "beğendiğin yerlerin yüzde {percent} kadarı bu türden",
            "beğendiğin yerlerin yüzde {percent} kadarı {name} ile aynı türden",
        ),
        "similar": ("beğendiğin yerlere benziyor", "{name} beğendiğin yerlere benziyor"),
        "neighborhood_share": (
            "beğendiğin yerlerin yüzde {percent} kadarı {neighborhood_locative}",
            "beğendiğin yerlerin yüzde {percent} kadarı, {name} gibi, {neighborhood_locative}",
        ),
        "people": (
            "zevki seninkine benzeyenler burayı seçiyor",
            "zevki seninkine benzeyenler {name_accusative} seçiyor",
        ),
        "path": (
            "seninle aynı yerlere gidenler burayı seçiyor",
            "seninle aynı yerlere gidenler {name_accusative} seçiyor",
        ),
        "newcomers": (
            "henüz tanımadığımız kişiler de burayı seviyor",
            "henüz tanımadığımız kişiler de {name_accusative} seviyor",
        ),
        "authentic": (
            "editörlerimize göre özgün bir yer (100 üzerinden {percent})",
            "editörlerimize göre {name} özgün bir yer (100 üzerinden {percent})",
        ),
        "unpretentious": (
            "özgünlük iddiası yok (100 üzerinden {percent})",
            "{name_genitive} özgünlük iddiası yok (100 üzerinden {percent})",
        ),
        "calm": ("genellikle sakin oluyor", "{name} genellikle sakin oluyor"),
        "lively": ("çoğu zaman hareketli oluyor", "{name} çoğu zaman hareketli oluyor"),
        "locals": (
            "daha çok yerliler gidiyor (yüzde {percent} ziyaretçi)",
            "{name_dative} daha çok yerliler gidiyor (yüzde {percent} ziyaretçi)",
        ),
        "visitors": (
            "ziyaretçilerin uğradığı bir yer (yüzde {percent} ziyaretçi)",
            "{name} ziyaretçilerin uğradığı bir yer (yüzde {percent} ziyaretçi)",
        ),
        "hidden": (
            "pek az kişinin bildiği bir yer",
            "{name} pek az kişinin bildiği bir yer",
        ),
        "famous": (
            "herkesin bildiği bir yer",
            "{name} herkesin bildiği bir yer",
        ),
        "free": ("ücretsiz bir yer", "{name} ücretsiz"),
        "price": ("fiyat düzeyi 4 üzerinden {level}", "{name_genitive} fiyat düzeyi 4 üzerinden {level}"),
        "rare": (
            "şimdiye kadar pek az kişi keşfetti",
            "{name_accusative} şimdiye kadar pek az kişi keşfetti",
        ),
        "popular_week": ("son 7 günde {likes} kez beğenildi", "{name} son 7 günde {likes} kez beğenildi"),
        "popular": ("şimdiye kadar {likes} kez beğenildi", "{name} şimdiye kadar {likes} kez beğenildi"),
        "rated": ("puanı 5 üzerinden {rating}", "{name_genitive} puanı 5 üzerinden {rating}"),
        "converts": (
            "geri bildirimlerin yüzde {percent} kadarı kaydetme, paylaşma ya da ziyaret",
            "{name} için geri bildirimlerin yüzde {percent} kadarı kaydetme, paylaşma ya da ziyaret",
        ),
        "new": ("burada yeni ({days} gündür biliniyor)", "{name} burada yeni ({days} gündür biliniyor)"),
        "near": ("sana yaklaşık {minutes} dakika uzakta", "{name} sana yaklaşık {minutes} dakika uzakta"),
        "again": ("burayı daha önce {visits} kez beğendin", "{name_accusative} daha önce {visits} kez beğendin"),
        "first_time": ("buraya henüz gitmedin", "{name_dative} henüz gitmedin"),
        "time": ("günün bu saatine uygun ({time})", "{name} günün bu saatine uygun ({time})"),
        "weather": ("havaya uygun ({setting})", "{name} havaya uygun ({setting})"),
        "wished": ("tam istediğin türden", "{name} tam istediğin türden"),
        "stranger": (
            "seni henüz yeterince tanımıyoruz, istersen bir bak",
            "seni henüz yeterince tanımıyoruz, istersen {name_dative} bir bak",
        ),
        "look": ("bir bakmaya değer", "{name} bir bakmaya değer"),
    },
}

OPENINGS: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "{name} is {kind}{where}", "try {name}, {kind}{where}", "here is an idea: {name}, {kind}{where}",
        "take a look at {name}, {kind}{where}",
    ),
    "tr": (
        "{name}{where} {kind}", "{name_accusative} bir dene:{where} {kind}", "sana bir fikir: {name},{where} {kind}",
        "{name_dative} bir uğra:{where} {kind}",
    ),
}  # fmt: skip
"""First sentences, taken in turn along a slate."""
UNNAMED: Mapping[Language, tuple[str, str]] = {
    "en": ("this is {kind}{where}", "number {place} on this list is {kind}{where}"),
    "tr": ("bu,{where} {kind}", "bu listede {place} numara,{where} {kind}"),
}
"""The first sentence about a gem without a name: alone, and in a list."""

KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "cafe": "a café", "historical": "a historical place", "music": "a music venue", "craft": "a craft workshop",
        "nature": "a green space", "waterfront": "a place by the water", "": "a place",
    },
    "tr": {
        "cafe": "bir kafe", "bakery": "bir fırın", "restaurant": "bir restoran", "bar": "bir bar",
        "rooftop": "bir teras", "bookshop": "bir kitapçı", "market": "bir pazar", "craft": "bir zanaat atölyesi",
        "historical": "tarihî bir yer", "museum": "bir müze", "gallery": "bir galeri",
        "viewpoint": "bir seyir noktası", "garden": "bir bahçe", "waterfront": "sahilde bir yer",
        "nature": "yeşil bir yer", "hammam": "bir hamam", "music": "bir müzik mekânı", "street": "bir sokak",
        "": "bir yer",
    },
}  # fmt: skip

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"indoor": "indoors", "outdoor": "outdoors", "both": "indoors and outdoors"},
    "tr": {
        "morning": "sabah", "afternoon": "öğleden sonra", "evening": "akşam", "night": "gece", "indoor": "kapalı alan",
        "outdoor": "açık hava", "both": "hem kapalı alan hem açık alan",
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
