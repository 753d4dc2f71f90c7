DROP FUNCTION tenants_with_invitations();
ALTER TABLE login_flow DROP COLUMN invitation_hash;
DROP TRIGGER users_cancel_invitation ON users;
DROP FUNCTION cancel_invitation();
DROP TABLE invitation;
ALTER TABLE users DROP COLUMN invited;
