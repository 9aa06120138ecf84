"""Messages in and out: brokers, micro-batches, the spool, dead letters."""
