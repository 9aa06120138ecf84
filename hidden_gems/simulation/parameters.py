"""Every number of the simulated city in one frozen tree, with a digest that freezes it before any model is measured.

"fitted" numbers were moved until the city's marginals met those of `marginals.NEW_YORK`; "climate" ones are rounded
monthly normals of Istanbul; all others are chosen. Terms of appeal are in logits of the click of an examined item.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field

MonthTable = tuple[float, float, float, float, float, float, float, float, float, float, float, float]


@dataclass(frozen=True)
class PeopleParameters:
    """Who is in the city; chosen, but for the activity, which is fitted."""

    local_share: float = 0.6  # the others are visitors
    local_since_start: float = 0.75  # share of the locals who use the guide from the first day
    home_shape: float = 12.0  # of the gamma that makes neighbourhoods more or less populous than their gems; fitted
    stay_days: float = 6.0  # mean stay of a visitor, geometric, at least 2
    archetypes: int = 8  # groups of people with alike taste
    archetype_share: float = 0.75  # share of the variance of taste that the group explains
    attribute_pull: float = 2.2  # how far language, local or not, and home decide the group, logits
    factors: int = 6  # latent factors of taste
    turkish_local: float = 0.88  # share of the locals whose language is Turkish
    english_visitor: float = 0.55  # share of the visitors whose language is English
    turkish_visitor: float = 0.25  # share of the visitors from elsewhere in Turkey
    consent: float = 0.98  # share who agreed to personalisation
    organic_per_day: float = 0.3  # outings of a local on their own, median, fitted
    organic_spread: float = 1.0  # standard deviation of its logarithm, fitted
    guide_per_day: float = 0.45  # sessions of a local with the guide, median
    guide_spread: float = 0.7  # standard deviation of its logarithm
    visitor_organic_per_day: float = 0.7
    visitor_guide_per_day: float = 1.3


@dataclass(frozen=True)
class GemParameters:
    """What lies behind the catalogue; chosen."""

    new_share: float = 0.12  # gems that open during the simulated days
    new_first: float = 0.15  # earliest opening of a new gem, share of the days
    new_last: float = 0.85  # latest opening of a new gem, share of the days
    type_variance: float = 0.35  # share of the variance of latent factors that the type explains
    place_variance: float = 0.4  # share that is smooth over the map
    place_km: float = 1.5  # how far the smooth part reaches
    quality_std: float = 0.45  # logits
    quality_fame: float = 0.35  # gain of quality from the least to the best known gem, logits
    capacity_visits: float = 5.0  # visits a day that fill a gem of hidden factor 1; one of 10 holds a fifth
    crowd_half_life_days: float = 2.0


@dataclass(frozen=True)
class TasteParameters:
    """What people like in itself: liking; logits, chosen."""

    liking: float = 0.0  # mean of all people and gems before the moment plays in
    factor_std: float = 1.5
    type_std: float = 1.3
    authenticity: float = 0.5  # mean weight of authenticity from 0 to 1
    authenticity_std: float = 0.5
    hidden: float = 0.15  # mean weight of the hidden factor from 1 to 10
    hidden_std: float = 0.5
    price_aversion: float = 0.5  # mean loss from price level 0 to 4
    price_std: float = 0.5
    tourist_local: float = -0.7  # weight of the tourist ratio for locals
    tourist_visitor: float = 0.3
    crowd_aversion: float = 1.0  # mean loss in a full gem
    crowd_std: float = 0.6
    crowd_most: float = 3.0  # load beyond which it does not get worse, in gems filled
    language_barrier: float = 0.5  # loss of a gem without tourists for who speaks no Turkish


@dataclass(frozen=True)
class ContextParameters:
    """What the moment does to liking; logits, chosen."""

    mood: float = 1.4  # gain of a type that the mood asks for
    hours: float = 1.8  # gain of a type at its hour, from worst to best
    best_time: float = 0.8  # gain of a gem at its best time of day
    neighborhood_time_std: float = 0.35  # some neighbourhoods live in the morning, some at night
    rain_outdoor: float = 1.6  # loss of an outdoor gem in rain, snow or storm; half of it in fog and wind
    rain_indoor: float = 0.3  # gain of an indoor gem then
    cold_outdoor: float = 0.7  # loss of an outdoor gem below 10 °C
    hot_outdoor: float = 0.5  # loss of an outdoor gem above 28 °C
    sunset: float = 1.0  # gain of viewpoints, rooftops and waterfronts in the hour around sunset
    weekend: float = 0.3  # gain of markets, gardens, nature and waterfronts at the weekend
    tulips: float = 0.6  # gain of gardens in April
    prayer_visitor: float = 1.2  # loss of a mosque for visitors during Friday prayer
    prayer_local: float = 0.6  # gain for locals then
    ramadan_day: float = 0.5  # loss of eating places by day in Ramadan
    iftar: float = 0.7  # their gain in the three hours after sunset
    ramadan_days: tuple[tuple[str, str], ...] = (
        ("2025-03-01", "2025-03-29"),
        ("2026-02-19", "2026-03-19"),
        ("2027-02-08", "2027-03-08"),
    )  # first and last day


@dataclass(frozen=True)
class PullParameters:
    """What draws people now beyond liking; logits, chosen unless said."""

    travel_per_30_minutes: float = 1.2
    travel_std: float = 0.25  # relative spread between people
    night_ferry_minutes: float = 25.0  # added between shores while no ferry runs
    ferry_hours: tuple[float, float] = (6.5, 23.5)  # first and last ferry, local hours
    routine: float = 1.8  # gain of what comes next in a person's routine
    routine_minutes: float = 240.0  # after which it has faded to 1/e
    satiation: float = 1.1  # loss of a group for each visit to it on the same day
    focus: float = 1.5  # gain of the type a person is into at present
    focus_days: float = 12.0  # how long that lasts
    fatigue: float = 0.35  # loss for each time a gem was looked at and left
    fatigue_keep: float = 0.9  # share of it that is left a day later
    familiar: float = 0.35  # gain of a known gem in a slate, per logarithm of visits
    familiar_keep: float = 0.985  # share of a memory that is left a day later
    habit: float = 3.5  # gain of a gem that was visited once when nobody is asked, fitted
    attachment: float = 0.7  # its further gain per logarithm of visits, fitted
    unaware: float = 0.8  # loss of the least known gem when nobody is asked, fitted
    organic_sharpness: float = 0.3  # scale of appeal when nobody is asked, fitted


@dataclass(frozen=True)
class FeedbackParameters:
    """From appeal and liking to events; chosen."""

    slate: int = 10  # items in a slate
    examine_decay: float = 0.45  # a position is looked at with probability (1 + position) ** -decay
    click: float = -2.1  # logit of the click of an examined item of appeal 0
    dwell_seconds: float = 45.0  # median after the click of an item of liking 0
    dwell_liking: float = 0.3  # gain of its logarithm
    dwell_spread: float = 0.7  # standard deviation of its logarithm
    save: float = -2.2  # logits after a click
    save_liking: float = 0.5
    share: float = -3.4
    share_liking: float = 0.45
    leave_minutes: float = 5.0  # from the look at a slate to setting out
    visit: float = -2.2  # of an open gem
    visit_appeal: float = 0.45
    rate: float = 0.35  # share of the visits that are rated
    rating: float = 3.5  # mean before rounding at liking 0
    rating_liking: float = 0.4
    rating_spread: float = 0.8
    dismiss: float = -4.6  # logits after a look without a click
    dismiss_liking: float = 0.5
    skip: float = -3.4
    skip_liking: float = 0.3
    view: float = 0.05  # share of looks without click, skip and dismissal that are logged


@dataclass(frozen=True)
class SessionParameters:
    """When people come, how long they stay, whether they come back; rhythm and chain are fitted, the rest chosen."""

    slot_hours: tuple[float, ...] = (7.0, 10.0, 13.0, 16.0, 19.0, 22.0)  # local start of each slot
    slot_shares: tuple[float, ...] = (0.17, 0.16, 0.17, 0.17, 0.17, 0.16)  # fitted
    slot_spread_hours: float = 2.0  # sessions begin within so many hours of the slot's start
    weekend: float = 1.1  # factor on sessions at the weekend
    rain: float = 0.85  # factor on outings in bad weather
    steps: int = 8  # most slates or places in a session
    more_slates: float = 0.6  # probability of asking for another slate
    next_place: float = 0.12  # probability of going on after a place, fitted
    long_share: float = 0.07  # share of the sessions that are a long day out, fitted
    long_next_place: float = 0.7  # probability of going on after a place on such a day, fitted
    ask_on_the_way: float = 0.25  # probability of asking the guide when going on
    stay_minutes: float = 50.0  # mean time at a place
    think_minutes: float = 3.0  # mean time over a slate
    home_after_minutes: float = 240.0  # a session so long after the last place starts from home
    satisfaction_keep: float = 0.8  # weight of the past after each slate
    satisfaction_reward: float = 0.5  # reward of a slate at which satisfaction is 1 - 1/e
    return_gain: float = 0.8  # gain of the logarithm of the rate from no to full satisfaction
    lapse: float = -3.6  # logit of leaving the guide after a day with it, at satisfaction 0.5
    lapse_gain: float = 4.0  # loss of that logit from no to full satisfaction
    come_back: float = 0.015  # probability of coming back, a day


@dataclass(frozen=True)
class WeatherParameters:
    """Climate of Istanbul: rounded monthly normals, January first."""

    mean_c: MonthTable = (6.0, 6.0, 8.0, 12.0, 17.0, 22.0, 24.5, 24.5, 21.0, 16.0, 12.0, 8.0)
    wet_share: MonthTable = (0.32, 0.29, 0.24, 0.19, 0.14, 0.1, 0.07, 0.08, 0.13, 0.2, 0.25, 0.32)  # of all slots
    daily_range_c: float = 7.0  # warmest minus coldest hour
    day_std_c: float = 3.0  # of a day around its normal
    day_keep: float = 0.75  # correlation from one day to the next
    slot_keep: float = 0.7  # probability that the sky stays from one slot to the next
    dry_shares: tuple[float, ...] = (0.42, 0.27, 0.2, 0.04, 0.07)  # clear, partly cloudy, cloudy, fog, wind
    storm_share: float = 0.12  # of wet slots
    snow_below_c: float = 2.0


@dataclass(frozen=True)
class PolicyParameters:
    """The logging policy: position-biased popularity with uniform exploration; chosen."""

    power: float = 0.8  # a gem with n positive events before today weighs (1 + n) ** power
    uniform: float = 0.1  # probability that a position is drawn uniformly


@dataclass(frozen=True)
class DriftParameters:
    """Knobs that are off by default."""

    swap_day: int | None = None  # from this day on the favourite types of some people trade places with the least liked
    swap_share: float = 0.5  # share of the people who change
    swap_types: int = 2  # how many types trade places
    quality_std_per_day: float = 0.0  # random walk of the quality of gems, logits
    shock_first_day: int | None = None  # first day of a weather shock
    shock_days: int = 7
    shock_weather: str = "storm"


@dataclass(frozen=True)
class Tables:
    """What goes with what; chosen."""

    groups: tuple[tuple[str, ...], ...] = (
        ("bakery",),
        ("cafe", "bookshop"),
        ("historical", "museum", "gallery", "hammam"),
        ("market", "craft", "street"),
        ("viewpoint", "garden", "waterfront", "nature"),
        ("restaurant",),
        ("bar", "rooftop", "music"),
    )
    routines: tuple[tuple[int, ...], ...] = (
        (0, 1, 4, 5, 6, 2, 3),
        (1, 2, 5, 4, 0, 3, 6),
        (2, 3, 1, 0, 5, 6, 4),
        (4, 0, 2, 1, 3, 5, 6),
        (3, 5, 1, 6, 4, 2, 0),
        (5, 0, 3, 4, 1, 6, 2),
    )  # orders of the groups; after the last comes the first
    hours: tuple[tuple[str, float, float], ...] = (
        ("cafe", 11.0, 4.0), ("bakery", 9.0, 3.0), ("restaurant", 20.0, 3.0), ("bar", 22.5, 3.0),
        ("rooftop", 20.0, 3.0), ("bookshop", 15.0, 3.5), ("market", 11.5, 3.5), ("craft", 14.0, 3.5),
        ("historical", 11.5, 4.0), ("museum", 13.0, 3.0), ("gallery", 15.0, 3.0), ("viewpoint", 18.0, 3.5),
        ("garden", 12.0, 4.0), ("waterfront", 18.0, 4.0), ("nature", 11.0, 4.0), ("hammam", 17.0, 4.0),
        ("music", 22.0, 3.0), ("street", 16.0, 5.0),
    )  # type, best local hour, width in hours  # fmt: skip
    moods: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("calm", ("garden", "bookshop", "waterfront", "hammam")),
        ("curious", ("museum", "historical", "gallery", "craft")),
        ("adventurous", ("nature", "street", "market", "viewpoint")),
        ("romantic", ("viewpoint", "rooftop", "waterfront", "restaurant")),
        ("social", ("bar", "restaurant", "market", "music")),
        ("tired", ("cafe", "hammam", "bakery", "garden")),
        ("celebratory", ("restaurant", "rooftop", "bar", "music")),
        ("focused", ("cafe", "bookshop", "museum", "gallery")),
    )


@dataclass(frozen=True)
class Parameters:
    """The whole city."""

    people: PeopleParameters = field(default_factory=PeopleParameters)
    gems: GemParameters = field(default_factory=GemParameters)
    taste: TasteParameters = field(default_factory=TasteParameters)
    context: ContextParameters = field(default_factory=ContextParameters)
    pull: PullParameters = field(default_factory=PullParameters)
    feedback: FeedbackParameters = field(default_factory=FeedbackParameters)
    sessions: SessionParameters = field(default_factory=SessionParameters)
    weather: WeatherParameters = field(default_factory=WeatherParameters)
    policy: PolicyParameters = field(default_factory=PolicyParameters)
    drift: DriftParameters = field(default_factory=DriftParameters)
    tables: Tables = field(default_factory=Tables)

    def digest(self) -> str:
        """SHA-256 of the parameters as canonical JSON, hexadecimal."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


PARAMETERS = Parameters()
