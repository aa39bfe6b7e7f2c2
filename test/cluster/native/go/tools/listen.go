package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// One line of the file of requests.
type recorded struct {
	Listener string    `json:"listener"`
	At       time.Time `json:"at"`
	From     string    `json:"from"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Body     string    `json:"body"`
}

// listen answers every request, and appends it to a file that the tests read.
func listen(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("wanted NAME ADDRESS FILE")
	}
	name, address := arguments[0], arguments[1]
	file, err := os.OpenFile(arguments[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return http.ListenAndServe(address, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(request.Body, 64*1024))
		line, err := json.Marshal(recorded{name, time.Now(), request.RemoteAddr, request.Method, request.URL.String(), string(body)})
		if err == nil {
			// One write, so that lines of two listeners do not mix; before the answer, so that who was answered was recorded.
			_, err = file.Write(append(line, '\n'))
		}
		if err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(response, "%s listener\n", name)
	}))
}
