package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
)

// An image has one manifest under one or more tags of a repository.
type image struct {
	repository string
	tags       []string
	layers     []layer
	config     imageConfig
}

// The part of an image's configuration that tells how to run it (OCI image-spec, config.md).
type imageConfig struct {
	User       string              `json:",omitempty"`
	Env        []string            `json:",omitempty"`
	Entrypoint []string            `json:",omitempty"`
	Cmd        []string            `json:",omitempty"`
	Volumes    map[string]struct{} `json:",omitempty"`
	WorkingDir string              `json:",omitempty"`
	StopSignal string              `json:",omitempty"`
	Labels     map[string]string   `json:",omitempty"`
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// The pusher speaks the OCI distribution protocol, as far as a fresh local registry needs it.
type pusher struct {
	registry string
}

func (p pusher) push(i image) error {
	diffIDs := []string{}
	layers := []descriptor{}
	for _, l := range i.layers {
		if err := p.blob(i.repository, l.digest, l.blob); err != nil {
			return err
		}
		diffIDs = append(diffIDs, l.diffID)
		layers = append(layers, descriptor{"application/vnd.oci.image.layer.v1.tar+gzip", l.digest, len(l.blob)})
	}
	config, err := json.Marshal(map[string]any{
		"created": created, "architecture": runtime.GOARCH, "os": "linux", "config": i.config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	must(err)
	if err := p.blob(i.repository, digestOf(config), config); err != nil {
		return err
	}
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{"application/vnd.oci.image.config.v1+json", digestOf(config), len(config)},
		"layers": layers,
	})
	must(err)
	for _, tag := range i.tags {
		target := fmt.Sprintf("http://%s/v2/%s/manifests/%s", p.registry, i.repository, tag)
		if _, err := send(http.MethodPut, target, manifestType, manifest, http.StatusCreated); err != nil {
			return err
		}
	}
	return nil
}

// A blob that another repository has is linked rather than sent again; the registry finds out by its digest.
func (p pusher) blob(repository, digest string, data []byte) error {
	base := fmt.Sprintf("http://%s/v2/%s/blobs/", p.registry, repository)
	if _, err := send(http.MethodHead, base+digest, "", nil, http.StatusOK); err == nil {
		return nil
	}
	answer, err := send(http.MethodPost, base+"uploads/", "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	location, err := url.Parse(answer.Get("Location"))
	if err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", digest)
	location.RawQuery = query.Encode()
	_, err = send(http.MethodPut, location.String(), "application/octet-stream", data, http.StatusCreated)
	return err
}

func send(method, target, contentType string, body []byte, want int) (http.Header, error) {
	request, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != want {
		return nil, fmt.Errorf("%s %s: %s: %s", method, target, answer.Status, text)
	}
	return answer.Header, nil
}
