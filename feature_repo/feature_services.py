"""What each version of the ranker reads: a new vector is a new service."""

from feast import FeatureService
from feature_views import item_rows, user_rows

from hidden_gems.features.schema import FEATURE_SERVICE

ranker = FeatureService(name=FEATURE_SERVICE, features=[user_rows, item_rows])
