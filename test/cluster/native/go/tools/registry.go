package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// serveImage is a registry with an image under every name, each with a layer of its own, so that none is pulled fast
// because another was before. Blobs come slowly.
func serveImage(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("wanted ADDRESS LAYER BYTES_PER_SECOND")
	}
	base, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	rate, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	return http.ListenAndServe(arguments[0], http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		path := regexp.MustCompile("^/v2/(.+)/(manifests|blobs)/([^/]+)$").FindStringSubmatch(request.URL.Path)
		if path == nil {
			if request.URL.Path != "/v2/" {
				http.NotFound(response, request)
			}
			return
		}
		// What follows the end of a tar archive is part of the digest only.
		layer := append(bytes.Clone(base), path[1]...)
		manifest, configuration, err := imageOf(layer)
		if err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
		serve := func(to http.ResponseWriter, mediaType string, content []byte) {
			to.Header().Set("Content-Type", mediaType)
			to.Header().Set("Docker-Content-Digest", digestOf(content))
			http.ServeContent(to, request, "", time.Time{}, bytes.NewReader(content))
		}
		switch {
		case path[2] == "manifests":
			serve(response, manifestType, manifest)
		case path[3] == digestOf(layer):
			serve(slow{response, rate}, "application/octet-stream", layer)
		case path[3] == digestOf(configuration):
			serve(response, "application/octet-stream", configuration)
		default:
			http.NotFound(response, request)
		}
	}))
}

const (
	typePrefix   = "application/vnd.oci.image."
	manifestType = typePrefix + "manifest.v1+json"
)

func imageOf(layer []byte) (manifest, configuration []byte, err error) {
	configuration, err = json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Env": []string{"PATH=/bin"}, "Cmd": []string{"sh"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	if err != nil {
		return nil, nil, err
	}
	manifest, err = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{typePrefix + "config.v1+json", digestOf(configuration), len(configuration)},
		"layers": []descriptor{{typePrefix + "layer.v1.tar", digestOf(layer), len(layer)}},
	})
	return manifest, configuration, err
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
