<?php
// Service providers by the metadata that they publish: sp/*.xml of the run's folder, read by SimpleSAMLphp's own parser.
// What an administrator would set besides stands in the .json beside it.
foreach (glob(getenv('SSP_HOME') . '/sp/*.xml') as $file) {
    $provider = \SimpleSAML\Metadata\SAMLParser::parseFile($file)->getMetadata20SP();
    $set = json_decode((string) @file_get_contents(substr($file, 0, -4) . '.json'), true) ?: [];
    $metadata[$provider['entityid']] = array_merge($provider, ['validate.authnrequest' => true], $set);
}
