<?php
// The API of Bienvenue with PHP's streams: register, log in, ask who is logged in, log out.
// Usage: php client.php http://localhost:5000 bob@example.org
[, $service, $email] = $argv;
$form = http_build_query(['email' => $email, 'password' => 'correct-horse']);

function request(string $method, string $url, string $body = '', string $cookie = ''): array {
    $headers = "Content-Type: application/x-www-form-urlencoded\r\nCookie: $cookie\r\n";
    $http = ['method' => $method, 'header' => $headers, 'content' => $body, 'follow_location' => 0, 'ignore_errors' => true];
    $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
    preg_match_all('/^Set-Cookie: ([^;]*)/im', implode("\n", $http_response_header), $cookies);
    return [explode(' ', $http_response_header[0])[1], $answer, implode('; ', $cookies[1])];
}

request('POST', "$service/users", $form);
[, , $cookie] = request('POST', "$service/sessions", $form);
echo json_decode(request('GET', "$service/profile", '', $cookie)[1])->email, "\n";
request('DELETE', "$service/sessions", '', $cookie);
echo request('GET', "$service/profile", '', $cookie)[0], "\n";
