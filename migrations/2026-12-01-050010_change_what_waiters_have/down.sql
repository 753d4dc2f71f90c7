REVOKE UPDATE (meanwhile) ON seat_waiter FROM usher_app;
