-- A directory is of one tenant. Told nothing, the planner takes the two for independent, expects less than one row of a
-- directory where there are many tenants, and then takes any index, also the one that walks the whole directory.
CREATE STATISTICS users_directory_of_tenant (dependencies, ndistinct) ON tenant_id, directory_id FROM users;
CREATE STATISTICS groups_directory_of_tenant (dependencies, ndistinct) ON tenant_id, directory_id FROM groups;
