package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Fixed, so that the same input gives the same digests.
var created = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A layer is kept compressed, with the digests of both forms.
type layer struct {
	blob           []byte
	digest, diffID string
}

// An entry is a file of a layer. A name that ends with a slash is a folder; link makes a hard link, symlink a symbolic one.
type entry struct {
	name     string
	mode     int64
	uid, gid int
	link     string
	symlink  string
	data     []byte
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func makeLayer(entries ...entry) layer {
	var plain bytes.Buffer
	archive := tar.NewWriter(&plain)
	for _, e := range entries {
		header := tar.Header{
			Name: e.name, Mode: e.mode, Uid: e.uid, Gid: e.gid, ModTime: created, Format: tar.FormatPAX,
			Typeflag: tar.TypeReg, Size: int64(len(e.data)),
		}
		switch {
		case e.link != "":
			header.Typeflag, header.Linkname = tar.TypeLink, e.link
		case e.symlink != "":
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.symlink
		case strings.HasSuffix(e.name, "/"):
			header.Typeflag = tar.TypeDir
		}
		must(archive.WriteHeader(&header))
		_, err := archive.Write(e.data)
		must(err)
	}
	must(archive.Close())
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	must(err)
	_, err = zip.Write(plain.Bytes())
	must(err)
	must(zip.Close())
	return layer{blob: packed.Bytes(), digest: digestOf(packed.Bytes()), diffID: digestOf(plain.Bytes())}
}

// Writing to memory fails only by a mistake in this program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func file(name string, mode int64, data string) entry {
	return entry{name: name, mode: mode, data: []byte(data)}
}

func folder(name string, mode int64) entry { return entry{name: name + "/", mode: mode} }

// busyboxLayer has every applet as a hard link in /bin: with symbolic links, masking /bin/ls would mask busybox itself.
func busyboxLayer(path string) (layer, error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return layer{}, err
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return layer{}, fmt.Errorf("%s --list: %w", path, err)
	}
	entries := []entry{
		folder("bin", 0o755), folder("dev", 0o755), folder("etc", 0o755), folder("home", 0o755), folder("proc", 0o555),
		folder("root", 0o700), folder("run", 0o755), folder("sbin", 0o755), folder("sys", 0o555), folder("tmp", 0o1777),
		folder("usr", 0o755), folder("usr/bin", 0o755), folder("usr/sbin", 0o755), folder("var", 0o755),
		folder("var/log", 0o755), folder("var/run", 0o755),
		file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n"),
		file("etc/group", 0o644, "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"),
		{name: "bin/busybox", mode: 0o755, data: binary},
	}
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" {
			entries = append(entries, entry{name: "bin/" + applet, mode: 0o755, link: "bin/busybox"})
		}
	}
	return makeLayer(entries...), nil
}

// treeEntries takes the files below a folder, with their names and modes.
func treeEntries(root string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(root, func(path string, item fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if item.IsDir() {
			entries = append(entries, folder(name, 0o755))
			return nil
		}
		info, err := item.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		entries = append(entries, entry{name: name, mode: int64(info.Mode().Perm()), data: data})
		return err
	})
	return entries, err
}
