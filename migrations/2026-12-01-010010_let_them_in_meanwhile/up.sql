-- The role, of those that need no seat, that somebody has while they wait for one; none if they hold nothing until then.
ALTER TABLE seat_waiter ADD COLUMN meanwhile text;
