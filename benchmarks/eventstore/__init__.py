"""Our event store beside the `eventsourcing` package's own persistence and beside raw inserts."""
