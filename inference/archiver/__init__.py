"""Topics into Parquet by day: the history that training reads."""
