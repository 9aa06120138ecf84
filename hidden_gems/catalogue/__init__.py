"""Istanbul: its shores, its neighbourhoods, real places with their opening hours, and the minutes between them."""
