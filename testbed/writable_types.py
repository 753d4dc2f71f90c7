"""scim2 test, asked about the resource types that a client can write. Knows scim2-cli; does not know Usher.

scim2-tester creates, replaces and deletes a resource of every type in /ResourceTypes, also of those that are only there to be read
(roles and entitlements); its command has no way to leave some out, its function has.
"""

import functools

import scim2_cli
import scim2_cli.test

scim2_cli.test.check_server = functools.partial(scim2_cli.test.check_server, resource_types=["User", "Group"])

if __name__ == "__main__":
    scim2_cli.cli()
