<?php
$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:anything' => ['uid' => ['alice'], 'mail' => ['alice@acme.test'], 'displayName' => ['Alice A'], 'groups' => ['engineering', 'workspace-admins']],
        'bob:anything' => ['uid' => ['bob'], 'mail' => ['bob@acme.test'], 'displayName' => ['Bob B'], 'groups' => ['sales']],
    ],
];
