-- A follower remembers the hash of the event it came to, so that it can tell when the record behind it is another one.
-- Empty for what was tracked before, and for places in some other application's record.
ALTER TABLE peiban_tracking ADD COLUMN hash bytea CHECK (octet_length(hash) = 32);
