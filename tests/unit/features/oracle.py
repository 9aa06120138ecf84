"""Raw columns the slow way: one filter a mark, straight from the definitions."""

import numpy as np
import pandas as pd

from hidden_gems.datasets.dataset import Dataset
from hidden_gems.features.local_time import local_time
from hidden_gems.features.raw import ATTRIBUTES

DAY = 86_400
FEEDBACK = {"view", "click", "dwell", "save", "share", "visit", "rating", "skip", "dismiss"}


class Oracle:
    def __init__(self, dataset: Dataset) -> None:
        gems = dataset.items.set_index("item_id")
        self.gems = gems
        events = dataset.interactions[dataset.interactions["event_type"].isin(FEEDBACK)]
        events = events.join(gems.add_prefix("gem_"), on="item_id").reset_index(drop=True)
        at = local_time(events["timestamp"].to_numpy(np.int64), dataset.about.timezone)
        events["weekend"], events["night"] = at.weekday >= 5, (at.hour < 6) | (at.hour >= 22)
        placed = events["lat"].notna() & events["lon"].notna()
        events["at_lat"] = events["lat"].where(placed, events["gem_lat"])
        events["at_lon"] = events["lon"].where(placed, events["gem_lon"])
        self.events = events
        self.shown = dataset.impressions.join(gems[["type"]], on="item_id")

    def row(self, user: str, item: str, now: int) -> dict[str, float]:
        past = self.events[self.events["timestamp"] < now]
        shown = self.shown[self.shown["timestamp"] < now]
        return (
            self._user(past[past["user_id"] == user], now)
            | self._item(past, shown, item, now)
            | self._pair(past[past["user_id"] == user], shown[shown["user_id"] == user], item)
        )

    def _user(self, past: pd.DataFrame, now: int) -> dict[str, float]:
        liked = past[past["reward"] > 0]
        placed = liked[liked["at_lat"].notna() & liked["at_lon"].notna()]
        found = {
            "user_interactions": len(past),
            "user_likes": len(liked),
            "user_items": liked["item_id"].nunique(),
            "user_type_likes": liked["gem_type"].notna().sum(),
            "user_type_squares": (liked["gem_type"].value_counts() ** 2).sum(),
            "user_neighborhood_likes": liked["gem_neighborhood"].notna().sum(),
            "user_neighborhood_squares": (liked["gem_neighborhood"].value_counts() ** 2).sum(),
            "user_ratings": (past["event_type"] == "rating").sum(),
            "user_rating_sum": past.loc[past["event_type"] == "rating", "value"].sum() * 1e6,
            "user_conversions": past["event_type"].isin(["save", "share", "visit"]).sum(),
            "user_negatives": past["event_type"].isin(["skip", "dismiss"]).sum(),
            "user_weekend_likes": liked["weekend"].sum(),
            "user_night_likes": liked["night"].sum(),
            "user_first_time": past["timestamp"].min(),
            "user_last_time": past["timestamp"].max(),
            "user_likes_7d": (liked["timestamp"] >= now - 7 * DAY).sum(),
            "user_likes_30d": (liked["timestamp"] >= now - 30 * DAY).sum(),
            "user_located": len(placed),
            "user_lat_sum": (placed["at_lat"] * 1e6).round().sum(),
            "user_lon_sum": (placed["at_lon"] * 1e6).round().sum(),
            "user_last_lat": np.round(placed["at_lat"].iloc[-1], 6) if len(placed) else np.nan,
            "user_last_lon": np.round(placed["at_lon"].iloc[-1], 6) if len(placed) else np.nan,
        }
        for name in ATTRIBUTES:
            found[f"user_{name}_count"] = liked[f"gem_{name}"].notna().sum()
            found[f"user_{name}_sum"] = (liked[f"gem_{name}"] * 1e6).round().sum()
        return found

    def _item(self, past: pd.DataFrame, shown: pd.DataFrame, item: str, now: int) -> dict[str, float]:
        own, liked = past[past["item_id"] == item], past[past["reward"] > 0]
        seen = shown[shown["item_id"] == item]
        day = now - now % DAY
        month = liked[(liked["timestamp"] >= day - 30 * DAY) & (liked["timestamp"] < day)]
        clicked = own[(own["reward"] >= 0.3) & own["slate_id"].notna()]
        likes = own[own["reward"] > 0]
        return {
            "item_interactions": len(own),
            "item_likes": len(likes),
            "item_users": likes["user_id"].nunique(),
            "item_ratings": (own["event_type"] == "rating").sum(),
            "item_rating_sum": own.loc[own["event_type"] == "rating", "value"].sum() * 1e6,
            "item_conversions": own["event_type"].isin(["save", "share", "visit"]).sum(),
            "item_negatives": (own["reward"] < 0).sum(),
            "item_reward_sum": (own["reward"] * 1e6).round().sum(),
            "item_answers": clicked["slate_id"].nunique(),
            "item_impressions": len(seen),
            "item_first_time": pd.concat([own["timestamp"], seen["timestamp"]]).min(),
            "item_last_time": own["timestamp"].max(),
            "item_likes_7d": (likes["timestamp"] >= now - 7 * DAY).sum(),
            "item_likes_30d": (likes["timestamp"] >= now - 30 * DAY).sum(),
            "item_top_likes": month["item_id"].value_counts().max() if len(month) else 0,
        }

    def _pair(self, past: pd.DataFrame, shown: pd.DataFrame, item: str) -> dict[str, float]:
        liked = past[past["reward"] > 0]
        own = liked[liked["item_id"] == item]
        found = {
            "own_likes": len(own),
            "own_last_time": own["timestamp"].max(),
            "own_best_reward": round(own["reward"].max(), 6),
        }
        kind = self.gems["type"].get(item)
        place = self.gems["neighborhood"].get(item)
        same = past[past["gem_type"] == kind]
        found |= {
            "type_interactions": len(same) if kind else np.nan,
            "type_likes": (same["reward"] > 0).sum() if kind else np.nan,
            "type_reward_sum": (same["reward"] * 1e6).round().sum() if kind else np.nan,
            "type_impressions": (shown["type"] == kind).sum() if kind else np.nan,
            "neighborhood_likes": (liked["gem_neighborhood"] == place).sum() if place else np.nan,
        }
        return found
