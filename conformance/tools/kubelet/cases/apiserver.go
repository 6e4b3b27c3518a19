package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// API is as much of an API server as a kubelet needs: objects in memory, lists, watches, patches. It checks nothing.
type API struct {
	lock    sync.Mutex
	objects map[string]object
	events  []event
	changed chan struct{}
	address string
}

type object = map[string]any

type event struct {
	key, kind string
	object    object
}

// A place is what a request's path names: /api/v1/namespaces/NS/pods/NAME/status and the like.
type place struct{ group, namespace, resource, name, sub string }

func (p place) key(name string) string {
	return p.group + "|" + p.resource + "|" + p.namespace + "|" + name
}

var kinds = map[string]string{
	"pods": "Pod", "nodes": "Node", "services": "Service", "events": "Event", "configmaps": "ConfigMap", "secrets": "Secret", "leases": "Lease",
	"runtimeclasses": "RuntimeClass", "csidrivers": "CSIDriver", "csinodes": "CSINode", "serviceaccounts": "ServiceAccount",
}

func NewAPI() *API {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	api := &API{objects: map[string]object{}, changed: make(chan struct{}), address: "http://" + listener.Addr().String()}
	go func() { _ = http.Serve(listener, api) }()
	return api
}

func (a *API) kubeconfig() []byte {
	return fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
"clusters": [{"name": "c", "cluster": {"server": "%s"}}], "users": [{"name": "u", "user": {"token": "none"}}]}`, a.address)
}

func placeOf(path string) place {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	group, rest := "v1", []string{}
	if parts[0] == "api" && len(parts) > 2 {
		rest = parts[2:]
	} else if parts[0] == "apis" && len(parts) > 3 {
		group, rest = parts[1]+"/"+parts[2], parts[3:]
	}
	p := place{group: group}
	if len(rest) > 2 && rest[0] == "namespaces" {
		p.namespace, rest = rest[1], rest[2:]
	}
	rest = append(rest, "", "", "")
	p.resource, p.name, p.sub = rest[0], rest[1], rest[2]
	return p
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := placeOf(r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	if err != nil || p.resource == "" {
		a.refuse(w, http.StatusNotFound, "NotFound")
		return
	}
	if r.Method == http.MethodGet && p.name == "" {
		a.collection(w, r, p)
		return
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	key := p.key(p.name)
	old := a.objects[key]
	if old == nil && r.Method != http.MethodPost {
		a.refuse(w, http.StatusNotFound, "NotFound")
		return
	}
	switch r.Method {
	case http.MethodGet:
		a.answer(w, old)
	case http.MethodPost:
		a.create(w, p, body)
	case http.MethodPut:
		a.answer(w, a.put(p, p.name, decode(body)))
	case http.MethodPatch:
		a.answer(w, a.put(p, p.name, patched(p, old, body)))
	case http.MethodDelete:
		delete(a.objects, key)
		a.tell(key, "DELETED", old)
		a.answer(w, old)
	}
}

func decode(body []byte) object {
	o := object{}
	must(json.Unmarshal(body, &o))
	return o
}

func encode(o object) []byte {
	text, err := json.Marshal(o)
	must(err)
	return text
}

func patched(p place, old object, patch []byte) object {
	var result []byte
	var err error
	switch p.resource {
	case "pods":
		result, err = strategicpatch.StrategicMergePatch(encode(old), patch, v1.Pod{})
	case "nodes":
		result, err = strategicpatch.StrategicMergePatch(encode(old), patch, v1.Node{})
	default:
		result, err = jsonpatch.MergePatch(encode(old), patch)
	}
	must(err)
	return decode(result)
}

func (a *API) create(w http.ResponseWriter, p place, body []byte) {
	o := decode(body)
	if p.sub == "token" {
		o["status"] = object{"token": "a.token.for-" + p.name, "expirationTimestamp": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
		a.answer(w, o)
		return
	}
	name, _ := o["metadata"].(object)["name"].(string)
	if a.objects[p.key(name)] != nil {
		a.refuse(w, http.StatusConflict, "AlreadyExists")
		return
	}
	w.WriteHeader(http.StatusCreated)
	a.answer(w, a.put(p, name, o))
}

// put stores an object under a new version, and tells those who watch.
func (a *API) put(p place, name string, o object) object {
	key := p.key(name)
	meta := o["metadata"].(object)
	kind := "MODIFIED"
	if a.objects[key] == nil {
		kind = "ADDED"
		meta["creationTimestamp"] = time.Now().UTC().Format(time.RFC3339)
		if meta["uid"] == nil {
			meta["uid"] = fmt.Sprintf("44444444-aaaa-4444-8888-%012d", tags.Add(1))
		}
	}
	meta["resourceVersion"] = fmt.Sprint(len(a.events) + 1)
	o["apiVersion"], o["kind"] = p.group, kinds[p.resource]
	a.objects[key] = o
	a.tell(key, kind, o)
	return o
}

func (a *API) tell(key, kind string, o object) {
	a.events = append(a.events, event{key, kind, o})
	close(a.changed)
	a.changed = make(chan struct{})
}

// matches tells whether an object's key is in a collection, which may be bounded by a name.
func matches(key string, p place, name string) bool {
	parts := strings.Split(key, "|")
	return parts[0] == p.group && parts[1] == p.resource && (p.namespace == "" || parts[2] == p.namespace) && (name == "" || parts[3] == name)
}

func (a *API) collection(w http.ResponseWriter, r *http.Request, p place) {
	_, name, _ := strings.Cut(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	if r.URL.Query().Get("watch") == "" {
		a.lock.Lock()
		defer a.lock.Unlock()
		items := []object{}
		for key, o := range a.objects {
			if matches(key, p, name) {
				items = append(items, o)
			}
		}
		a.answer(w, object{"apiVersion": p.group, "kind": kinds[p.resource] + "List", "metadata": object{"resourceVersion": fmt.Sprint(len(a.events))}, "items": items})
		return
	}
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		// Clients know then that they must list first.
		a.refuse(w, http.StatusUnprocessableEntity, "Invalid")
		return
	}
	var next int
	_, _ = fmt.Sscan(r.URL.Query().Get("resourceVersion"), &next)
	for r.Context().Err() == nil {
		a.lock.Lock()
		news, changed := a.events[min(next, len(a.events)):], a.changed
		next = len(a.events)
		for _, e := range news {
			if matches(e.key, p, name) {
				_ = json.NewEncoder(w).Encode(object{"type": e.kind, "object": e.object})
			}
		}
		a.lock.Unlock()
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
		}
	}
}

func (a *API) answer(w http.ResponseWriter, o object) { _ = json.NewEncoder(w).Encode(o) }

func (a *API) refuse(w http.ResponseWriter, code int, reason string) {
	w.WriteHeader(code)
	a.answer(w, object{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code, "message": reason})
}

// Put makes an object, or makes it anew.
func (a *API) Put(path string, o any) {
	text, err := json.Marshal(o)
	must(err)
	a.lock.Lock()
	defer a.lock.Unlock()
	p := placeOf(path)
	a.put(p, p.name, decode(text))
}

// Change lets a function change an object that is there; it tells whether it was.
func (a *API) Change(path string, change func(object)) bool {
	a.lock.Lock()
	defer a.lock.Unlock()
	p := placeOf(path)
	old := a.objects[p.key(p.name)]
	if old == nil {
		return false
	}
	// Those who are being told of the old one must not see it change.
	o := decode(encode(old))
	change(o)
	a.put(p, p.name, o)
	return true
}

func (a *API) Get(path string) object {
	a.lock.Lock()
	defer a.lock.Unlock()
	p := placeOf(path)
	return a.objects[p.key(p.name)]
}
