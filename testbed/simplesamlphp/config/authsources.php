<?php
$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:alicepass' => ['uid' => ['alice'], 'mail' => ['alice@acme.test'], 'displayName' => ['Alice A'], 'groups' => ['engineering', 'workspace-admins']],
        'bob:bobpass' => ['uid' => ['bob'], 'mail' => ['bob@acme.test'], 'displayName' => ['Bob B'], 'groups' => ['sales']],
    ],
];
