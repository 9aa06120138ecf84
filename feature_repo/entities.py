"""Who features are kept about."""

from feast import Entity, ValueType

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="A person, by pseudonym.")
item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING, description="A gem.")
