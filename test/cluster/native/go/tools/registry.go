package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// serveImage is a registry with one image, under every name: a given layer, and a configuration with random bytes, so that no
// start of the registry serves what an earlier one did. Blobs come slowly.
func serveImage(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("wanted ADDRESS LAYER BYTES_PER_SECOND")
	}
	layer, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	rate, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	blobs := map[string][]byte{digestOf(layer): layer}
	nonce := make([]byte, 8)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	configuration, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "author": fmt.Sprintf("%x", nonce),
		"config": map[string]any{"Env": []string{"PATH=/bin"}, "Cmd": []string{"sh"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	if err != nil {
		return err
	}
	blobs[digestOf(configuration)] = configuration
	const prefix = "application/vnd.oci.image."
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": prefix + "manifest.v1+json",
		"config": descriptor{prefix + "config.v1+json", digestOf(configuration), len(configuration)},
		"layers": []descriptor{{prefix + "layer.v1.tar", digestOf(layer), len(layer)}},
	})
	if err != nil {
		return err
	}
	return http.ListenAndServe(arguments[0], http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		name := request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
		switch {
		case request.URL.Path == "/v2/":
		case strings.Contains(request.URL.Path, "/manifests/"):
			response.Header().Set("Content-Type", prefix+"manifest.v1+json")
			response.Header().Set("Docker-Content-Digest", digestOf(manifest))
			http.ServeContent(response, request, "", time.Time{}, bytes.NewReader(manifest))
		case strings.Contains(request.URL.Path, "/blobs/") && blobs[name] != nil:
			response.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(slow{response, rate}, request, "", time.Time{}, bytes.NewReader(blobs[name]))
		default:
			http.NotFound(response, request)
		}
	}))
}

// slow delays each piece of an answer to keep to a rate in bytes a second.
type slow struct {
	http.ResponseWriter
	rate int
}

func (writer slow) Write(content []byte) (int, error) {
	time.Sleep(time.Duration(len(content)) * time.Second / time.Duration(writer.rate))
	return writer.ResponseWriter.Write(content)
}
