DROP TABLE pending_member;
