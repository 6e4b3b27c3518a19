// The testimages program builds the images that the conformance tests want and pushes them to a registry on this machine.
//
// critest names images of registry.k8s.io and gcr.io. Here they are made anew with the same names and what the specs ask of
// them; hosts.toml sends a runtime that asks for the originals to the local registry.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	registry := flag.String("registry", "", "host:port of the registry to push to, by plain HTTP")
	files := flag.String("files", "", "folder with busybox, nonewprivs, pause and nginx/, as images.sh makes it")
	set := flag.String("set", "conformance", "which images: conformance, bench or load")
	flag.Parse()
	if err := run(*registry, *files, *set); err != nil {
		fmt.Fprintln(os.Stderr, "testimages:", err)
		os.Exit(1)
	}
}

func run(registry, files, set string) error {
	if registry == "" || files == "" {
		return fmt.Errorf("-registry and -files are needed")
	}
	base, err := busyboxLayer(files + "/busybox")
	if err != nil {
		return err
	}
	var images []image
	switch set {
	case "conformance":
		if images, err = critestImages(base, files); err != nil {
			return err
		}
		images = append(images, blackBoxImages(base)...)
	case "bench":
		if images, err = benchImages(base, files); err != nil {
			return err
		}
	case "load":
		images = append(blackBoxImages(base), largeImage(base))
	default:
		return fmt.Errorf("no such set: %s", set)
	}
	target := pusher{registry: registry}
	for _, image := range images {
		if err := target.push(image); err != nil {
			return fmt.Errorf("%s: %w", image.repository, err)
		}
	}
	return nil
}
