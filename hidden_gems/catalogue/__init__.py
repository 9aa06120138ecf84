"""Istanbul: districts, real places, opening rhythm, travel minutes."""
