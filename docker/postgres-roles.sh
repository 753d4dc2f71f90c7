#!/bin/sh
# Run once by the Postgres image on an empty data volume: the two roles and the database that Usher needs on a server of your own.
# usher_owner owns the tables and migrates; usher_app runs and owns nothing. Tables and rights come with the migrations.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=owner="$USHER_OWNER_PASSWORD" --set=app="$USHER_APP_PASSWORD" <<'SQL'
CREATE ROLE usher_owner LOGIN PASSWORD :'owner' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
CREATE ROLE usher_app LOGIN PASSWORD :'app' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT;
CREATE DATABASE usher OWNER usher_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE usher FROM PUBLIC;
GRANT CONNECT ON DATABASE usher TO usher_app;
\connect usher
ALTER SCHEMA public OWNER TO usher_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO usher_app;
SQL
