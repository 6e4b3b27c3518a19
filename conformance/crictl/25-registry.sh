# pull with credentials, from a registry that wants some: the images' own store, behind a password.
# shellcheck shell=bash

# htpasswd, whichever program has it: the registry knows bcrypt only.
hash_password() {
    local entry
    entry=$(perl -e 'print crypt($ARGV[0], q($2y$05$) . q(abcdefghijklmnopqrstuu))' "$1")
    # The registry reads $2y$ as $2a$; where crypt has no bcrypt this is not one.
    [ "${#entry}" = 60 ] || die "this system's crypt has no bcrypt"
    echo "walker:$entry"
}
hash_password 'sesame: open' >"$DIR/htpasswd"
STORE=$(sed -n 's/.*rootdirectory: \([^}]*\)}.*/\1/p' "$DIR/registry.pid.yml")
mkdir "$DIR/guarded"
serve_registry "$STORE" "$DIR/guarded/registry.pid" true "auth: {htpasswd: {realm: gantry, path: $DIR/htpasswd}}"
GUARDED=127.0.0.1:$PORT
map_registry "$DIR" "$GUARDED" "$GUARDED"
GUARDED_IMAGE=$GUARDED/e2e-test-images/busybox:1.29-2

c pull "$GUARDED_IMAGE"
check "without credentials the pull is refused" fails '401|[Uu]nauthori|credential'
c pull --creds 'walker:wrong' "$GUARDED_IMAGE"
check "with a wrong password too" fails '401|[Uu]nauthori|credential'
silent() { ! grep -q "$1" <<<"$ERROR$OUTPUT" && ! grep -q "$1" "$DIR/log"; }
check "and the password is told nowhere" silent 'wrong'
c pull --creds 'walker:sesame: open' "$GUARDED_IMAGE"
check "pull --creds" prints 'Image is up to date'
c rmi "$GUARDED_IMAGE"
c pull --auth "$(printf 'walker:sesame: open' | base64)" "$GUARDED_IMAGE"
check "pull --auth" prints 'Image is up to date'
check "and the password is told nowhere" silent 'sesame'
c rmi "$GUARDED_IMAGE"
c pull "$GUARDED_IMAGE"
check "credentials are not kept" fails '401|[Uu]nauthori|credential'

jq '.image.image = "'"$GUARDED_IMAGE"'"' <<<'{"metadata": {"name": "guarded"}, "image": {}, "command": ["sleep", "1000"], "linux": {}}' >"$DIR/guarded.json"
write_pod guarded '.linux = {}'
c run --creds 'walker:sesame: open' "$DIR/guarded.json" "$DIR/guarded.pod.json"
check "run --creds pulls, makes and starts" is_id
c ps -q
check "the container runs" prints_exactly "$OUTPUT"
c rmp -f -a
c rmi -a
end_process "$DIR/guarded/registry.pid" "$DIR" 5
rm -r "$DIR/certs.d/$GUARDED"
