DROP TABLE schema_version;
DROP TABLE schema_extension;
