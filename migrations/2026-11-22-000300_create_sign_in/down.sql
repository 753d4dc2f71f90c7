DROP TABLE session;
DROP TABLE login_flow;
DROP TABLE identity;
DROP TABLE connection;
