DROP TABLE operator_credential;
DROP TABLE tenant;
DROP TABLE blueprint;
DROP PROCEDURE fence(regclass, text);
DROP FUNCTION current_tenant();
