package main

import (
	"fmt"
	"math/rand"
	"os"
	"runtime"
)

const (
	path    = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	e2e     = "e2e-test-images/"
	staging = "k8s-staging-cri-tools/"
)

const nginxConfig = `user nobody nogroup;
worker_processes 1;
pid /var/run/nginx.pid;
events { worker_connections 64; }
http {
    access_log /dev/stdout;
    client_body_temp_path /tmp/nginx-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;
    server {
        listen %d;
        location / { root /usr/share/nginx/html; index index.html; }
    }
}
`

func on(repository string, tags []string, config imageConfig, layers ...layer) image {
	config.Env = append([]string{path}, config.Env...)
	return image{repository: repository, tags: tags, layers: layers, config: config}
}

// marked makes an image that differs from every other one by a file that bears its name.
func marked(repository, tag string, config imageConfig, base layer) image {
	mark := makeLayer(file(repository[len(staging):]+"-"+tag, 0o644, repository+":"+tag+"\n"))
	return on(repository, []string{tag}, config, base, mark)
}

func critestImages(base layer, files string) ([]image, error) {
	shell := imageConfig{Cmd: []string{"sh"}}
	nginxTree, err := treeEntries(files + "/nginx")
	if err != nil {
		return nil, err
	}
	nginx := makeLayer(nginxTree...)
	nginxRun := imageConfig{Cmd: []string{"nginx", "-g", "daemon off;"}, StopSignal: "SIGQUIT"}
	site := func(port int) layer {
		return makeLayer(
			folder("etc/nginx", 0o755), file("etc/nginx/nginx.conf", 0o644, fmt.Sprintf(nginxConfig, port)),
			folder("usr/share", 0o755), folder("usr/share/nginx", 0o755), folder("usr/share/nginx/html", 0o755),
			file("usr/share/nginx/html/index.html", 0o644, "Welcome to nginx!\n"),
			folder("var/lib", 0o755), folder("var/lib/nginx", 0o755), folder("var/log/nginx", 0o755))
	}
	web := makeLayer(folder("var/www", 0o755), file("var/www/index.html", 0o644, "It works!\n"))
	setuid, err := os.ReadFile(files + "/nonewprivs")
	if err != nil {
		return nil, err
	}
	raise := makeLayer(entry{name: "nnp", mode: 0o4755, data: setuid})
	users := makeLayer(
		file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\ndefault-user:x:1000:1000:Linux User,,,:/home/default-user:/bin/sh\n"),
		file("etc/group", 0o644, "root:x:0:\nnogroup:x:65534:\ndefault-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n"))
	images := []image{
		on(e2e+"busybox", []string{"1.29-2"}, shell, base),
		on(e2e+"nginx", []string{"1.14-2"}, nginxRun, base, nginx, site(80)),
		on(e2e+"httpd", []string{"2.4.39-4"}, imageConfig{Cmd: []string{"sh", "-c", "echo httpd: serving on port 80; exec httpd -f -p 80 -h /var/www"}}, base, web),
		on(e2e+"nonewprivs", []string{"1.3"}, imageConfig{Entrypoint: []string{"/nnp"}}, base, raise),
		on(staging+"hostnet-nginx-"+runtime.GOARCH, []string{"latest"}, nginxRun, base, nginx, site(12003)),
		on(staging+"test-image-predefined-group", []string{"latest"}, imageConfig{User: "1000", Cmd: []string{"sh"}}, base, users),
	}
	for repository, tag := range map[string]string{"pause": "3.9", "sandbox": "1"} {
		pause, err := pauseImage(repository, tag, files, base)
		if err != nil {
			return nil, err
		}
		images = append(images, pause)
	}
	for _, name := range []string{"1:latest", "2:latest", "3:latest", "latest:latest", "tag:test", "tag:all", "digest:latest"} {
		repository, tag := cut(staging + "test-image-" + name)
		images = append(images, marked(repository, tag, shell, base))
	}
	same := marked(staging+"test-image-tags", "1", shell, base)
	same.tags = []string{"1", "2", "3"}
	images = append(images, same)
	for name, user := range map[string]string{"uid": "1002", "username": "www-data", "uid-group": "1003:1004", "username-group": "www-data:1004"} {
		images = append(images, marked(staging+"test-image-user-"+name, "latest", imageConfig{User: user, Cmd: []string{"sh"}}, base))
	}
	return images, nil
}

// Other runtimes, to be measured beside ours, need a pause image for themselves; it must not be the one that critest pulls and
// removes.
func pauseImage(repository, tag, files string, base layer) (image, error) {
	program, err := os.ReadFile(files + "/pause")
	if err != nil {
		return image{}, err
	}
	config := imageConfig{Entrypoint: []string{"/pause"}, Labels: map[string]string{"name": repository}}
	return on(repository, []string{tag}, config, base, makeLayer(entry{name: "pause", mode: 0o755, data: program})), nil
}

func cut(reference string) (repository, tag string) {
	for i := len(reference) - 1; ; i-- {
		if reference[i] == ':' {
			return reference[:i], reference[i+1:]
		}
	}
}

// blackBoxImages are for the JUnit tests, as gantry.test/NAME.
func blackBoxImages(base layer) []image {
	one := []string{"1"}
	volume := makeLayer(
		entry{name: "data/", mode: 0o750, uid: 1234, gid: 2345},
		entry{name: "data/seed", mode: 0o640, uid: 1234, gid: 2345, data: []byte("from the image\n")})
	// To be mounted: something of each layer, and links that try to get out.
	content := makeLayer(
		folder("data", 0o755), file("data/kept", 0o644, "kept\n"), file("data/gone", 0o644, "gone\n"),
		entry{name: "up", mode: 0o777, symlink: "../../../../../../../../../data"},
		entry{name: "outside", mode: 0o777, symlink: "/proc/self/root/tmp"},
		entry{name: "file", mode: 0o777, symlink: "/data/kept"})
	more := makeLayer(file("data/.wh.gone", 0o644, ""), file("data/added", 0o644, "added\n"))
	users := makeLayer(
		file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\napp:x:1500:1501:app:/home/app:/bin/sh\n"),
		file("etc/group", 0o644, "root:x:0:\napp:x:1501:\nextra:x:1600:app\nother:x:1700:\n"),
		entry{name: "home/app/", mode: 0o755, uid: 1500, gid: 1501})
	return []image{
		// The label makes it another image than critest's busybox.
		on("busybox", one, imageConfig{Cmd: []string{"sh"}, Labels: map[string]string{"for": "gantry.test"}}, base),
		on("entrypoint", one, imageConfig{Entrypoint: []string{"/bin/echo", "entrypoint"}, Cmd: []string{"cmd"}}, base),
		on("cmd", one, imageConfig{Cmd: []string{"/bin/echo", "cmd"}}, base),
		on("nothing", one, imageConfig{}, base),
		on("volume", one, imageConfig{Volumes: map[string]struct{}{"/data": {}, "/made/anew": {}}, Cmd: []string{"sh"}}, base, volume),
		on("content", one, imageConfig{}, base, content, more),
		on("content-flat", one, imageConfig{}, content),
		on("user", one, imageConfig{User: "app", Cmd: []string{"id"}}, base, users),
		on("settings", one, imageConfig{
			Env: []string{"FROM_IMAGE=yes", "OVERRIDDEN=image"}, WorkingDir: "/work/place", StopSignal: "SIGUSR1",
			Cmd: []string{"sh", "-c", "trap 'echo got USR1; exit 9' USR1; echo ready; while :; do sleep 0.1; done"},
		}, base),
	}
}

// benchImages: a layer of 15,000 small files that gzip can hardly make smaller, 104 MB.
func benchImages(base layer, files string) ([]image, error) {
	pause, err := pauseImage("sandbox", "1", files, base)
	if err != nil {
		return nil, err
	}
	const count, size = 15000, 6900
	random := rand.New(rand.NewSource(1))
	entries := make([]entry, 0, count+count/100)
	for i := range count {
		dir := fmt.Sprintf("many/%03d", i/100)
		if i == 0 {
			entries = append(entries, folder("many", 0o755))
		}
		if i%100 == 0 {
			entries = append(entries, folder(dir, 0o755))
		}
		data := make([]byte, size)
		random.Read(data)
		entries = append(entries, entry{name: fmt.Sprintf("%s/%05d", dir, i), mode: 0o644, data: data})
	}
	return []image{
		on("many-files", []string{"1"}, imageConfig{Cmd: []string{"sh"}}, makeLayer(entries...)),
		on(e2e+"busybox", []string{"1.29-2"}, imageConfig{Cmd: []string{"sh"}}, base),
		pause,
	}, nil
}

// largeImage is 500 MB that do not get smaller, in files of 10 MB and layers of 100: a pull of it lasts.
func largeImage(base layer) image {
	const layers, files, size = 5, 10, 10 << 20
	random := rand.New(rand.NewSource(2))
	all := []layer{base}
	for l := range layers {
		entries := []entry{folder("large", 0o755)}
		for f := range files {
			data := make([]byte, size)
			random.Read(data)
			entries = append(entries, entry{name: fmt.Sprintf("large/%d-%d", l, f), mode: 0o644, data: data})
		}
		all = append(all, makeLayer(entries...))
	}
	return on("large", []string{"1"}, imageConfig{Cmd: []string{"sh"}}, all...)
}
