<?php
// For `php -S`: /simplesaml/<script>.php[/path info] of SimpleSAMLphp, which needs no web server besides.
$folder = getenv('SSP_ROOT') . '/usr/share/simplesamlphp/www';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (strpos($path, '/simplesaml/') !== 0) {
    http_response_code(404);
    return true;
}
$file = substr($path, strlen('/simplesaml'));
if (preg_match('#^(/.*?\.php)(/.*)?$#', $file, $parts) && is_file($folder . $parts[1])) {
    $_SERVER['SCRIPT_NAME'] = '/simplesaml' . $parts[1];
    $_SERVER['SCRIPT_FILENAME'] = $folder . $parts[1];
    $_SERVER['PHP_SELF'] = $path;
    if (empty($parts[2])) {
        unset($_SERVER['PATH_INFO']);
    } else {
        $_SERVER['PATH_INFO'] = $parts[2];
    }
    chdir(dirname($folder . $parts[1]));
    require $folder . $parts[1];
    return true;
}
if (is_file($folder . $file)) {
    readfile($folder . $file);
    return true;
}
http_response_code(404);
return true;
