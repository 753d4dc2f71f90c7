<?php
// What a run needs to change while it runs, a test writes into idp.json of its folder: a certificate that comes and goes.
$metadata[getenv('SSP_BASE') . 'idp'] = array_merge([
    'host' => '__DEFAULT__',
    'privatekey' => 'old.key',
    'certificate' => 'old.crt',
    'auth' => 'people',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'saml20.sign.response' => false,
    'saml20.sign.assertion' => true,
    'redirect.sign' => true,
    'redirect.validate' => true,
    'sign.logout' => true,
    'validate.logout' => true,
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'authproc' => [
        3 => [
            'class' => 'saml:AttributeNameID',
            'attribute' => 'uid',
            'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        ],
    ],
], json_decode((string) @file_get_contents(getenv('SSP_HOME') . '/idp.json'), true) ?: []);
