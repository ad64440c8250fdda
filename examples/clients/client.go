// The API of Bienvenue with Go's net/http: register, log in, ask who is logged in, log out.
// Usage: go run client.go http://localhost:5000 bob@example.org
package main

import ("fmt"; "io"; "net/http"; "net/http/cookiejar"; "net/url"; "os"; "strings")

func main() {
	service, form := os.Args[1], url.Values{"email": {os.Args[2]}, "password": {"correct-horse"}}.Encode()
	jar, _ := cookiejar.New(nil)
	client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path, body string) string {
		request, _ := http.NewRequest(method, service+path, strings.NewReader(body))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(request)
		if err != nil { panic(err) }
		text, _ := io.ReadAll(answer.Body)
		return fmt.Sprintln(answer.StatusCode, string(text))
	}
	send("POST", "/users", form)
	send("POST", "/sessions", form)
	fmt.Print(send("GET", "/profile", ""), send("DELETE", "/sessions", ""), send("GET", "/profile", ""))
}
