-- Where a tenant says another word for those who find no seat, those who wait already have by it what comes of it.
GRANT UPDATE (meanwhile) ON seat_waiter TO usher_app;
